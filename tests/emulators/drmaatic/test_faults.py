"""What can be made to go wrong at the emulated DRMAAtic."""

import io
import zipfile

import httpx
import pytest

from tests.emulators.drmaatic.asking import DONE, FAILED, FINAL, Client
from tests.emulators.talking import until

POST = "on=POST /job/"
RECEIVED = "job has been received from the ws"


@pytest.mark.parametrize(
    ("fault", "status", "began"),
    [
        ("error-before", 503, 0), ("error-after", 502, 1), ("drop-before", None, 0),
        ("drop-after", None, 1), ("cut=10", None, 1), ("html", 200, 1), ("late=0.01", 201, 1),
    ],
)  # fmt: skip
def test_a_submission_that_is_struck(
    me: Client, fault: str, status: int | None, began: int
) -> None:
    """That a run began just once would be proved against a service that never begins one."""
    before = len(me.jobs())
    me.faults(f"{fault},times=1,{POST}")
    try:
        answer = me.post("nofile").status_code
    except httpx.TransportError:
        answer = None
    assert (answer, len(me.jobs()) - before) == (status, began)


def test_without_its_controller_the_service_answers_late_and_wrongly(me: Client) -> None:
    """A client that takes such an answer for a verdict would not be found out: guard 4."""
    id_, over = me.shell("sleep 1000"), me.shell("true")
    assert me.ended(over) == DONE
    until(lambda: me.states(id_) == ["RUNNING"])
    me.faults("controller-down=0.05")
    for path in (f"{id_}/", f"{id_}/status/", f"{id_}/download/", "", f"?ids={over},{id_}"):
        answer = me.ask("GET", f"/job/{path}")
        assert (answer.status_code, answer.headers["content-type"][:9]) == (500, "text/html")
    assert me.status(over) == DONE  # Slurm need not be asked
    assert me.ask("PUT", f"/job/{id_}/stop/").status_code == 409
    assert me.ask("DELETE", f"/job/{id_}/").status_code == 500
    answer = me.post("shell", ("script", ("s.sh", b"")), ("job_description", "while down"))
    assert answer.json() == {"detail": "An error occurred while starting the job"}
    assert answer.status_code == 500
    me.faults()
    [row] = me.listed("?description=while down")
    assert (row["status"], me.files(row["uuid"])) == (FAILED, [])
    assert me.status(id_) == "job is running"


def test_without_accounting_a_good_run_is_called_a_failure(me: Client) -> None:
    """A client that judges before it has looked at the files would go unpunished: guard 3."""
    id_ = me.shell("echo good > out.txt")
    me.until_over(id_)
    me.faults("accounting-down,times=1")
    assert me.status(id_) == FAILED
    assert me.status(id_) == FAILED
    assert me.read(id_, "out.txt") == b"good\n"


@pytest.mark.parametrize(("value", "described"), [("", True), ("=bare", False)])
def test_a_submission_may_die_on_the_way(me: Client, value: str, *, described: bool) -> None:
    """A row that nothing will come of would always be found in a test: guard 5."""
    key = f"dies{value}"
    me.faults(f"stays-received{value},times=1")
    assert me.post("nofile", ("job_description", key)).status_code == 500
    row = me.listed()[0]
    assert (row["status"], row.get("job_description") == key) == (RECEIVED, described)
    assert me.ask("PUT", f"/job/{row['uuid']}/stop/").status_code == 409
    assert me.states(row["uuid"]) == []


@pytest.mark.parametrize(("fault", "seen"), [("slow-submit", [RECEIVED]), ("late-row", [])])
def test_a_submission_may_go_on_after_the_client_has_gone(
    me: Client, fault: str, seen: list[str]
) -> None:
    """A client that looks once, at once, would find out at the real service."""
    key = f"gone with {fault}"
    me.faults(f"{fault}=1000,times=1")
    fields = {"job_description": (None, key), "task": (None, "nofile")}
    with pytest.raises(httpx.ReadTimeout):
        me.ask("POST", "/job/", files=fields, timeout=httpx.Timeout(20, read=0.01))
    until(lambda: me.control()["fired"].get(fault))
    found = f"?description={key}"
    assert [it["status"] for it in me.listed(found)] == seen
    me.ahead(1001)
    [row] = until(lambda: [it for it in me.listed(found) if it["status"] != RECEIVED])
    assert me.states(row["uuid"]) != []


def test_records_may_be_odd(me: Client) -> None:
    """A client would take anything for a record of its run."""
    id_ = me.shell("sleep 1000")
    until(lambda: me.states(id_) == ["RUNNING"])
    me.faults("odd-status,times=1")
    assert me.status(id_) not in {*FINAL, "job is running"}
    me.faults("odd-status=process status cannot be determined,times=1")
    assert me.status(id_) == "process status cannot be determined"
    assert me.status(id_) == "job is running"
    me.faults("wrong-uuid,times=1")
    assert me.get(f"/job/{id_}/")["uuid"] != id_
    assert me.get(f"/job/{id_}/")["uuid"] == id_
    me.faults("wrong-uuid,times=1")
    assert me.start("nofile") not in [it["uuid"] for it in me.listed()]
    me.faults("rejected,times=1")
    rejected = me.start("nofile")
    assert me.status(rejected) == "job has been rejected from the ws"
    assert me.states(rejected) == []
    me.faults("token-expired,times=1")
    assert me.ask("GET", "/job/", None).status_code == 204
    assert me.ask("GET", "/job/").status_code == 403


def test_lists_may_lag_and_shift(me: Client) -> None:
    """A run that stands on the edge of two pages would always be found in a test."""
    ids = me.others("shifts", count=25)[::-1]
    found = "?description=shifts&page="
    assert [it["uuid"] for it in me.listed(f"{found}2")] == ids[10:20]
    me.faults("page-shift=2")
    assert [it["uuid"] for it in me.listed(f"{found}1")] == ids[:10]
    assert [it["uuid"] for it in me.listed(f"{found}2")] == ids[12:22]
    me.faults("page-shift=-1")
    assert [it["uuid"] for it in me.listed(f"{found}2")] == ids[9:19]
    me.faults("list-lag=100")
    assert me.listed("?description=shifts") == []
    me.ahead(101)
    assert len(me.listed("?description=shifts")) == 10


def test_outputs_may_be_hostile(me: Client) -> None:
    """A client that trusts a name or an archive would write where it must not."""
    id_ = me.shell('mkdir sub; : > a; (cd sub; ln -s nowhere dangling); : > "$(basename $PWD).zip"')
    assert me.ended(id_) == DONE
    plain = set(me.files(id_))
    assert me.ask("GET", f"/job/{id_}/file/sub/dangling").status_code == 500
    me.faults("late-files=100")
    assert me.files(id_) == []
    me.faults("hostile-names")
    assert {"../escaped", "/etc/absolute", "", "."} < set(me.files(id_)) - plain
    me.faults("no-zip")
    archive = me.ask("GET", f"/job/{id_}/download/").content
    assert not zipfile.is_zipfile(io.BytesIO(archive))
    me.faults("hostile-zip")
    archive = me.ask("GET", f"/job/{id_}/download/").content
    assert "../escaped" in zipfile.ZipFile(io.BytesIO(archive)).namelist()


def test_a_pipe_and_a_name_that_is_no_text_are_errors(me: Client) -> None:
    """The stand-in would wait for ever, or fall over."""
    id_ = me.shell("mkfifo pipe")
    assert me.ended(id_) == DONE
    assert me.ask("GET", f"/job/{id_}/file/pipe").status_code == 500
    odd = me.shell("printf x > \"$(printf 'a\\377b')\"")
    assert me.ended(odd) == DONE
    assert me.ask("GET", f"/job/{odd}/file/").status_code == 500


def test_the_log_has_no_secrets(me: Client) -> None:
    """Tokens would lie in a file."""
    me.ask("GET", "/job/?description=secret-words")
    log = me.told.root.joinpath("calls.log").read_text()
    assert "GET /job/" in log
    assert me.tokens["alice"] not in log
    assert "secret-words" not in log
