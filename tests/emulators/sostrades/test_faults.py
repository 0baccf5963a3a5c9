"""What can be made to go wrong at the emulated SoSTrades."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.emulators.sostrades.asking import Client
from tests.emulators.talking import until


@pytest.mark.parametrize(
    ("fault", "status", "began"),
    [
        ("error-before", 503, 0), ("drop-before", None, 0), ("drop-after", None, 1),
        ("fails-after", 500, 1), ("fails-after=400", 400, 1), ("cut=10", None, 1),
    ],
)  # fmt: skip
def test_an_execute_that_is_struck(
    me: Client, slow: int, fault: str, status: int | None, began: int
) -> None:
    """That a run began just once would be proved against a service that never begins one."""
    me.faults(f"{fault},times=1,on=POST *")
    try:
        answer = me.execute(slow).status_code
    except httpx.TransportError:
        answer = None
    until(lambda: len(me.executions(slow)) >= began and me.control()["under_way"] == 0)
    assert (answer, len(me.executions(slow))) == (status, began)


def test_a_failure_after_the_effect_is_worded_as_the_service_does(me: Client, slow: int) -> None:
    """A client that reads the error would never see the real one."""
    me.faults("fails-after,times=1,on=POST *")
    answer = me.write(slow, factor=6.0)
    assert list(answer.json()) == ["statusCode", "name", "description"]
    me.settled(slow)
    assert me.read(slow, "Slow.factor") == "value\n6.0\n"


def test_a_write_may_be_lost_once(me: Client, slow: int) -> None:
    """A client that does not read back would execute with old values."""
    me.faults("lost-write=Slow.factor,times=1")
    for factor in ("2.0", "7.0"):
        assert me.write(slow, factor=7.0, sleep_s=0.5).status_code == 200
        assert me.status(slow) == ""
        me.settled(slow)
        assert me.read(slow, "Slow.factor") == f"value\n{factor}\n"
        assert me.read(slow, "Slow.sleep_s") == "value\n0.5\n"


def test_executes_at_the_same_time_are_all_accepted(me: Client, slow: int) -> None:
    """A backend without a lock of its own would get through."""
    me.faults("slow-execute=1000,times=3")
    struck = me.control()["fired"].get("slow-execute", 0)
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(me.execute, slow) for _ in range(3)]
        until(lambda: me.control()["fired"].get("slow-execute") == struck + 3)
        me.ahead(1000)
        assert [call.result().status_code for call in calls] == [200] * 3
    assert me.over(slow) == "FINISHED"
    assert [it["status"] for it in me.executions(slow)] == ["FINISHED"] * 3
    assert me.number(slow) == max(it["id"] for it in me.executions(slow))


def test_an_execute_may_go_on_after_the_client_has_gone(me: Client, slow: int) -> None:
    """A backend that looks once, at once, would execute a second time."""
    me.faults("slow-execute=1000,times=1")
    struck = me.control()["fired"].get("slow-execute", 0)
    with pytest.raises(httpx.ReadTimeout):
        me.ask("POST", f"/api/v0/calculation/execute/{slow}", timeout=httpx.Timeout(20, read=0.05))
    until(lambda: me.control()["fired"].get("slow-execute", 0) > struck)
    assert (me.executions(slow), me.status(slow)) == ([], "")
    me.ahead(1000)
    until(lambda: me.executions(slow))
    assert me.over(slow) == "FINISHED"


def test_a_busy_study_may_be_executed_once_more(me: Client, slow: int) -> None:
    """The same, one call after the other."""
    me.act(slow, "edit", {"Slow.sleep_s": 1000.0})
    me.execute(slow)
    me.runs(slow)
    me.faults("no-lock")
    assert me.execute(slow).status_code == 200
    both = {f"{slow}/{it['id']}" for it in me.executions(slow)}
    assert len(both) == 2
    until(lambda: both <= set(me.control()["live"]))


def test_a_second_request_may_hang(me: Client, slow: int) -> None:
    """A client without a limit would wait for ever."""
    me.faults("slow-update=1000", "hang")
    me.write(slow, factor=3.0)
    with pytest.raises(httpx.ReadTimeout):
        me.ask("GET", f"/api/v0/post-processing/{slow}", timeout=httpx.Timeout(20, read=0.05))
    until(lambda: me.control()["fired"].get("hang") == 1)
    me.ahead(1000)
    me.settled(slow)
    assert me.get(f"post-processing/{slow}").status_code == 200
    until(lambda: me.control()["under_way"] == 0)  # who hung is gone with the caller


def test_a_finished_run_may_have_left_nothing(me: Client, slow: int) -> None:
    """Results of the last run would be taken for those of this one."""
    me.execute(slow)
    assert me.over(slow) == "FINISHED"
    me.act(slow, "edit", {"Slow.factor": 100.0})
    me.faults(f"stale,on=study {slow}")
    me.execute(slow)
    assert me.over(slow) == "FINISHED"
    assert me.read(slow, "Slow.result") == "value\n30.0\n"


@pytest.mark.parametrize(
    ("fault", "status"), [("cold-start", "PENDING"), ("pod-pending", "POD PENDING")]
)
def test_a_run_may_begin_late(me: Client, slow: int, fault: str, status: str) -> None:
    """A backend would give up what only begins slowly."""
    me.faults(f"{fault}=1000,times=1")
    me.execute(slow)
    assert me.status(slow) == status
    me.ahead(1000)
    assert me.over(slow) == "FINISHED"


def test_a_pod_may_break(me: Client, slow: int) -> None:
    """A status that has never been seen would be taken for a run that goes on."""
    me.faults("pod-error,times=1")
    me.execute(slow)
    assert me.over(slow) == "POD ERROR"
    assert me.log(slow) == ""
    me.act(slow, "status", {"status": "SOMETHING ELSE"})
    assert me.status(slow) == "SOMETHING ELSE"


def test_a_status_may_be_odd_for_a_moment(me: Client, slow: int) -> None:
    """A client that believes the first word of a failure would give up a good run."""
    me.faults("odd-status,times=1")
    assert [me.status(slow) for _ in range(2)] == ["FAILED", ""]


def test_loading_may_fail_in_several_ways(me: Client, slow: int) -> None:
    """A backend that cannot do without the types of a release would not be found out."""
    path = f"study-case/{slow}"
    me.faults("slow-load=1000,times=1")
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(me.get, f"{path}/10")
        until(lambda: me.control()["fired"].get("slow-load") == 1)
        me.ahead(10)
        assert call.result().json() == {}
    me.faults("no-load")
    assert "has no attribute 'treenode'" in me.get(path).text
    me.faults("no-csv")
    files = {"mine.Slow.table": ("t.csv", b"years,quantity\n1,2.0\n")}
    assert me.post(f"{path}/parameters", files=files).status_code == 415
    me.faults()
    assert me.post(f"{path}/parameters", files=files).status_code == 200


def test_parts_of_a_log_that_there_are_not_are_refused(me: Client, slow: int) -> None:
    """A client that reads on behind the end would be answered with the whole log."""
    me.execute(slow)
    assert me.over(slow) == "FINISHED"
    path, log = f"/api/v0/study-case/{slow}/logs", me.log(slow).encode()
    size = len(log)
    parts = {"bytes=0-4": log[:5], "bytes=-5": log[-5:], f"bytes=-{size}": log}
    for asked, part in (*parts.items(), (f"bytes=10-{size + 10}", log[10:])):
        answer = me.ask("GET", path, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, part)
    for asked in (f"bytes={size}-", f"bytes=-{size + 1}"):
        assert me.ask("GET", path, headers={"Range": asked}).status_code == 416


def test_every_answer_brings_a_session_that_no_log_holds(me: Client) -> None:
    """Credentials would lie in a file."""
    answers = [me.get(it) for it in ("calculation/status/1", "calculation/status/999", "nowhere")]
    cookies = {it.headers["set-cookie"] for it in answers}
    [session] = {it.partition("session=")[2].partition(";")[0] for it in cookies}
    assert session in me.control()["given"]
    log = me.told.root.joinpath("calls.log").read_text()
    assert "GET /api/v0/calculation/status/{study:int}" in log
    assert not [it for it in (session, *me.keys.values()) if it in log]
