"""Running applications at the emulated TheCrossProduct: from launch to outputs, and killed."""

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.emulators.talking import NEVER, Person, until

STEPS = {"pending", "waiting", "download", "shell_0", "upload", "terminated", "dead"}
RAILS = "/app/sncf_reseau/railway_track_regression"


def test_apps_and_their_inputs_are_told(me: Person) -> None:
    """A spec could not be checked before anything is sent."""
    apps = me.get("/app")
    assert apps["sncf_reseau"] == ["railway_track_regression"]
    page = me.api.get(RAILS)
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert "regression" in page.text.lower()
    inputs = me.get(f"{RAILS}/inputs")["content"][0]["content"]["top"]["properties"]["inputs"]
    assert inputs["properties"]["rails"]["format"] == "uri"
    assert me.api.get("/app/sncf_reseau/nothing").status_code == 404


def test_the_regression_is_one(me: Person) -> None:
    """The demo would show made-up numbers."""
    points = []
    for i in range(40):
        s = 1000 + 12.5 * i
        x, y = 3 + 0.98 * s, 250 - 0.2 * s + 3e-4 * s**2 - 1e-7 * s**3
        points.append(f"{s},{x - 0.4},{y + 0.6},{x + 0.4},{y - 0.6}")
    table = "\n".join(["s,x_left,y_left,x_right,y_right", *points, ""]).encode()
    me.upload("rails.csv", table)
    body = {"inputs": {"rails": "rails.csv"}, "output-prefix": "rail/1", "pool": "small"}
    answer = me.post(f"{RAILS}/run", **body)
    assert list(answer) == ["id"]
    record = me.ended(answer["id"])
    assert (record["state"], record["errors"], record["body"]) == ("dead", "", body)
    assert record["quote"] == pytest.approx(0.001 + len(table) * 1e-6, abs=1e-6)
    assert me.get(f"/app/process/cost/{answer['id']}") == {"cost": record["quote"]}
    (url,) = me.outputs(answer["id"]).values()
    found = me.bare.get(url).json()
    assert found["points"] == 40
    assert found["centre_line"]["x"] == pytest.approx([3, 0.98, 0, 0], rel=1e-6, abs=1e-5)
    assert found["centre_line"]["y"] == pytest.approx([250, -0.2, 3e-4, -1e-7], rel=1e-6)
    assert found["mean_gauge"] == pytest.approx(math.hypot(0.8, 1.2))
    assert found["rms_residual"] < 1e-6
    assert me.download("rail/1/alignment.json")


@pytest.mark.parametrize(
    ("table", "says"),
    [(b"s,x\n", "line 1"), (b"s,x_left,y_left,x_right,y_right\n1,2,3,4,b\n", "line 2"),
     (b"s,x_left,y_left,x_right,y_right\n1,2,3,4,5\n", "do not determine"), (b"", "line 1")],
)  # fmt: skip
def test_bad_rails_fail_with_the_reason(me: Person, table: bytes, says: str) -> None:
    """A person would not learn what is wrong with the input."""
    me.upload("bad.csv", table)
    process = me.post(f"{RAILS}/run", inputs={"rails": "bad.csv"})["id"]
    record = me.ended(process)
    assert record["state"] == "failed_predict_0"
    assert "predict_0 exited with 1" in record["errors"]
    assert says in record["errors"]
    assert "Traceback" not in record["errors"]


def test_a_process_record_has_these_fields_and_no_others(me: Person) -> None:
    """Code would be written against fields that the service does not send."""
    me.upload("in.txt", b"hello\n")
    inputs = {"files": {"a.txt": "in.txt"}}
    body = {"output-prefix": "out/p", "tags": ["orch-1", "b"], "pool": ["scw:x"]}
    script = "until [ -e go ]; do sleep 0.01; done; mkdir d; cat a.txt a.txt > d/b.txt; echo 1 > c"
    process = me.script(script, inputs=inputs, **body)
    running = until(lambda: _in_state(me, process, "shell_0"))
    assert running.keys() == {
        "id", "app", "domain", "endpoint", "launched", "terminated", "expires", "body", "state",
        "quote", "errors", "agent", "tags",
    }  # fmt: skip
    assert (running["id"], running["app"], running["domain"]) == (process, "shell", "emulator")
    assert (running["terminated"], running["endpoint"]) == (NEVER, "run")
    assert running["body"] == {"inputs": {"script": script} | inputs} | body
    assert running["tags"] == ["orch-1", "b"]
    assert isinstance(running["quote"], float)
    until(lambda: me.control()["live"] == [process])
    me.go(process)
    record = me.ended(process)
    ended = datetime.fromisoformat(record["terminated"])
    assert datetime.fromisoformat(record["expires"]) - ended == timedelta(days=7)
    assert datetime.fromisoformat(record["launched"]) < ended
    outputs = me.outputs(process)
    assert sorted(outputs) == ["out/p/c", "out/p/d/b.txt", "out/p/go"]
    assert me.bare.get(outputs["out/p/d/b.txt"]).content == b"hello\nhello\n"
    assert "/s3/" in outputs["out/p/c"]


def _in_state(me: Person, process: str, state: str) -> Any:
    record = me.get(f"/app/process/{process}")
    assert record["state"] in STEPS
    return record if record["state"] == state else None


def test_a_script_that_fails_says_how(me: Person) -> None:
    """A failed run would pass for a success."""
    process = me.script("echo part > left; echo why >&2; exit 7")
    record = me.ended(process)
    assert record["state"] == "failed_shell_0"
    assert record["errors"] == "shell_0 exited with 7: why"
    assert [it.rpartition("/")[2] for it in me.outputs(process)] == ["left"]
    me.faults("dead-errors")
    record = me.ended(me.script("exit 8"))
    assert (record["state"], record["errors"]) == ("dead", "shell_0 exited with 8")


def test_an_input_that_is_missing_fails_the_download(me: Person) -> None:
    """It would be found out by a program, in its own words, or never."""
    process = me.script("true", inputs={"files": {"a": "never-uploaded"}})
    record = me.ended(process)
    assert record["state"] == "failed_download"
    assert "never-uploaded" in record["errors"]
    assert me.get(f"/app/process/cost/{process}") == {"cost": 0.0}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/app/emulator/nothing/run", {"inputs": {}}),
        ("/app/emulator/shell/run", {}),
        ("/app/emulator/shell/run", {"inputs": {}}),
        ("/app/emulator/shell/run", {"inputs": {"script": 5}}),
        ("/app/emulator/shell/run", {"inputs": {"script": "true", "other": 1}}),
        ("/app/emulator/shell/run", {"inputs": {"script": "true", "files": {"../x": "u"}}}),
        ("/app/emulator/shell/run", {"inputs": {"script": "true"}, "tags": "one"}),
        ("/app/emulator/shell/run", {"inputs": {"script": "true"}, "output-prefix": "../up"}),
        (f"{RAILS}/run", {"inputs": {"rails": "r", "degree": 99}}),
    ],
)
def test_a_wrong_run_is_refused_and_not_started(
    me: Person, path: str, body: dict[str, Any]
) -> None:
    """What was refused would run nevertheless."""
    before = len(me.control()["starts"])
    assert me.refused(path, **body) in (400, 404)
    assert len(me.control()["starts"]) == before


def test_killing_ends_the_work_and_the_record_is_kept_only_if_asked(
    me: Person, colleague: Person
) -> None:
    """A cancel that stops nothing would be taken for one that does."""
    scripts = ["sleep 600 & setsid sleep 600 & sleep 600", "exec sleep 600", "sleep 600"]
    one, two, three = [me.script(it) for it in scripts]
    until(lambda: set(me.control()["live"]) == {one, two, three})
    assert colleague.api.delete(f"/app/process/{one}").status_code == 404
    assert me.api.delete(f"/app/process/{one}?keep=perhaps").status_code == 400
    assert me.api.delete(f"/app/process/{one}?keep=true").is_success
    assert me.control()["live"] == sorted([two, three])
    assert (me.ended(one)["state"], me.ended(one)["errors"]) == ("dead", "Killed by user")
    assert me.api.delete(f"/app/process/{two},{three}").is_success
    assert me.control()["live"] == []
    assert me.api.get(f"/app/process/{two}").status_code == 404
    assert {it["run"] for it in me.control()["starts"]} >= {one, two, three}
    me.faults("silent-kill")
    four = me.script("sleep 600")
    assert me.api.delete("/app/processes?keep=true").is_success
    assert (me.ended(four)["state"], me.ended(four)["errors"]) == ("dead", "")
    assert me.ended(one)["errors"] == "Killed by user"
    assert me.api.delete("/app/processes").is_success
    assert me.get("/app/processes")["processes"] == []
