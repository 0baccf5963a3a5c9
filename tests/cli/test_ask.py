"""`cancel`, `hold`, `release`, `retry`, `adopt`: requests, with and without a daemon."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli import ask
from orchestrator.config.home import Home
from orchestrator.core.intake import Verb
from orchestrator.store.lock import hold
from tests.cli.bench import Bench, Run, Start
from tests.cli.looks import in_process


def requests(home: Home) -> list[dict[str, object]]:
    """Return what lies in the spool as requests."""
    files = sorted(home.spool.glob("*.request.json"))
    return [json.loads(file.read_text()) for file in files]


@pytest.mark.parametrize("verb", ["cancel", "hold", "release", "retry"])
def test_without_a_daemon_the_request_waits_in_the_spool(
    run: Run, bench: Bench, home: Home, verb: str
) -> None:
    """A wish uttered while the daemon is down would be lost, or taken for done."""
    job = bench.job(name="beam")
    answer = run(verb, "beam")
    assert answer.returncode == 0
    assert answer.stdout == (
        f"{job}: {verb} is in the spool;"
        " it will be done when the daemon runs (`orchestrator serve`)\n"
    )
    (request,) = requests(home)
    assert (request["request"], request["job"], request["confirmed"]) == (verb, job, False)


def test_retry_carries_that_a_person_has_looked(run: Run, bench: Bench, home: Home) -> None:
    """A run of unknown outcome could never be given up."""
    bench.job(name="beam")
    assert run("retry", "--i-checked", "beam").returncode == 0
    assert [request["confirmed"] for request in requests(home)] == [True]


def test_adopt_carries_the_name_of_the_run(run: Run, bench: Bench, home: Home) -> None:
    """A run that a person found could not be named."""
    job = bench.job(name="beam")
    assert run("adopt", "beam", "urn:run/47.11").returncode == 0
    (request,) = requests(home)
    assert (request["request"], request["job"]) == ("adopt", job)
    assert request["remote_id"] == "urn:run/47.11"


@pytest.mark.parametrize("remote_id", ["4711 RUNNING", "", "a\x1b[31mb", "x" * 201])
def test_adopt_takes_no_slip_of_the_pen(run: Run, bench: Bench, home: Home, remote_id: str) -> None:
    """A line pasted from a listing would be sent, and refused only much later."""
    bench.job(name="beam")
    answer = run("adopt", "beam", remote_id)
    assert answer.returncode == 2
    assert "expected 1 to 200 letters, digits" in answer.stderr
    assert "\x1b" not in answer.stderr
    assert requests(home) == []


def test_of_jobs_with_one_name_the_unfinished_one_is_meant(
    run: Run, bench: Bench, home: Home
) -> None:
    """A cancel would go to the job that has ended, and the running one would go on."""
    old, new = bench.job(name="beam"), bench.job(name="beam")
    bench.ask(Verb.CANCEL, old)
    assert run("cancel", "beam").returncode == 0
    assert [request["job"] for request in requests(home)] == [new]


def test_one_name_that_is_not_understood_stops_all(run: Run, bench: Bench, home: Home) -> None:
    """Half of what was asked would be done, and nobody could tell which half."""
    ids = [bench.job(name="beam"), bench.job(name="beam")]
    bench.job(name="good")
    answer = run("cancel", "good", "beam")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert f"beam may mean several jobs: {', '.join(ids)}" in answer.stderr
    assert run("hold", "good", "missing").returncode == 2
    assert requests(home) == []


def test_a_job_that_is_still_in_the_spool_can_be_cancelled(
    run: Run, home: Home, tmp_path: Path
) -> None:
    """A job submitted by mistake could not be taken back before the daemon has seen it."""
    spec = tmp_path / "beam.toml"
    spec.write_text("[run]\ncommand = ['true']\n")
    job = run("submit", spec).stdout.strip()
    assert run("cancel", job).returncode == 0
    assert [request["job"] for request in requests(home)] == [job]
    assert run("cancel", "0123456789ab").returncode == 2


def test_no_job_at_all_is_wrong_use(run: Run) -> None:
    """`orchestrator cancel` alone would be taken for done."""
    answer = run("cancel")
    assert answer.returncode == 2
    assert "Missing argument 'JOB...'" in answer.stderr


@pytest.fixture
def answering(bench: Bench) -> Iterator[Bench]:
    """Hold the home's lock as a daemon does; the test plays its side of the spool."""
    with hold(bench.home.lock):
        yield bench


def play(bench: Bench, process: subprocess.Popen[str], answers: int) -> tuple[int, str]:
    """Carry out the requests that a command drops, as the daemon's intake would."""
    done: set[str] = set()
    while len(done) < answers and process.poll() is None:
        for request in requests(bench.home):
            id_ = str(request["id"])
            if id_ not in done:
                done.add(id_)
                bench.ask_as(id_, Verb(str(request["request"])), str(request["job"]))
    out, _ = process.communicate(timeout=30)
    return process.returncode, out


def test_with_a_daemon_it_says_what_came_of_it(answering: Bench, start: Start) -> None:
    """A person would believe that a job is cancelled when the daemon had refused."""
    running, ended = answering.job(name="running"), answering.job(name="ended")
    answering.ask(Verb.CANCEL, ended)
    code, out = play(answering, start("cancel", "running", "ended"), 2)
    assert code == 1
    assert out.splitlines() == [
        f"{running}: cancel done",
        f"{ended}: cancel refused: the job has already ended: CANCELLED",
    ]


def test_a_request_that_is_done_ends_with_success(answering: Bench, start: Start) -> None:
    """Scripts would take a cancel that worked for one that did not."""
    job = answering.job(name="beam")
    assert play(answering, start("hold", "beam"), 1) == (0, f"{job}: hold done\n")


def test_a_daemon_that_does_not_answer_is_not_waited_for_without_end(
    answering: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A busy daemon would make the command hang."""
    monkeypatch.setattr(ask, "PATIENCE", 0.1)
    job = answering.job(name="beam")
    answer = in_process(answering.home, ("hold", "beam"), capfd)
    assert answer.returncode == 0
    assert answer.stdout.startswith(f"{job}: hold is in the spool; the daemon (process ")
    assert answer.stdout.endswith(") has not answered yet, but it will\n")
