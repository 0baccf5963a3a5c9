"""What a real slurmrestd said is read as what it meant."""

from typing import Any

import pytest

from orchestrator.backend import AuthError, BackendError, RejectedError, TransientError
from orchestrator.backends.http import Ask, Reply, Use
from orchestrator.backends.slurm import dialects, failing
from orchestrator.backends.slurm.slurmrestd import reading
from orchestrator.backends.slurm.values import Job, Order, Resources
from tests.slurm.recorded import EXCHANGES, tree

ORDER = Order(
    name="orch-1",
    comment="orch-1 beam",
    script="#!/bin/sh\n",
    folder="/shared/orch-1",
    log="/shared/orch-1/slurm.log",
    environment={"PATH": "/bin", "A": "b=c"},
    wants=Resources(time=10, nodes=(2, 4), mem=500, gres="gpu:1,fake:2", constraint="avx"),
)


def _told(name: str) -> BackendError | Reply | None:
    one = EXCHANGES[name]
    reply = Reply(one["status"], {}, one["body"].encode(), "slurmrestd")
    ask = Ask(one["method"], one["path"], Use.POLL, reads=one["method"] == "GET")
    return reading(ask, reply, lambda: "its words")


def _listed(name: str) -> list[Job]:
    return [dialects.listed(row) for row in tree(name)["jobs"]]


def _past(name: str) -> list[Job]:
    return [dialects.accounted(row) for row in tree(name)["jobs"]]


def test_the_list_of_the_controller_is_read() -> None:
    """A job would be followed under the name or the state of another."""
    [job] = _listed("04-get")
    assert (job.run, job.name, job.states) == (73, "orch-4f1c2a9e", ("PENDING",))
    assert (job.comment, job.reason) == ("run-key:4f1c2a9e", "Resources")
    assert {(it.run, it.state) for it in _listed("21-jobs")} >= {(6, "PENDING"), (69, "TIMEOUT")}


def test_the_exit_code_is_that_of_the_wait_status() -> None:
    """A job that ended with 4 would be said to have ended with 1024."""
    [job] = _listed("57-fail-get")
    assert (job.state, job.code, job.signal) == ("FAILED", 4, None)
    [late] = [job for job in _listed("21-jobs") if job.run == 69]
    assert (late.state, late.code, late.signal) == ("TIMEOUT", 0, 15)


def test_accounting_that_calls_a_failure_a_success_is_not_believed() -> None:
    """A job that failed would be said to have ended with exit code 0."""
    [job] = _past("58-fail-db")
    assert (job.run, job.state, job.code) == (943, "FAILED", None)
    [held] = _past("60-held-db-byid")
    assert (held.state, held.reason, held.comment) == ("PENDING", "JobHeldUser", "")


def test_the_tasks_of_an_array_are_one_run() -> None:
    """Each task would be taken for a job of its own, which nobody submitted."""
    for jobs in (_listed("61-arr-get"), _past("62-arr-db")):
        assert {job.run for job in jobs} == {945}
        assert {job.task for job in jobs} <= {"1", "2", "3"}, "the recording was cut off"
        assert "3" in {job.task for job in jobs}


@pytest.mark.parametrize(
    ("name", "error", "effect"),
    [
        ("01-badtoken", TransientError, "none"),  # nothing tells it from a controller that is down
        ("06-submit-noenv", RejectedError, "none"),
        ("07-submit-badpart", RejectedError, "none"),
        ("08-submit-unknown-field", RejectedError, "none"),
    ],
)
def test_errors_are_those_of_the_seam(name: str, error: type[BackendError], effect: str) -> None:
    """A job that is wrong would be tried for ever, or a good one given up in an outage."""
    found = _told(name)
    assert isinstance(found, error)
    assert found.effect == effect


def test_an_error_of_a_submit_that_nobody_knows_may_have_had_an_effect() -> None:
    """A job that Slurm took before it broke off would be submitted again at once."""
    for said in ("Socket timed out on send/recv operation", "Zero Bytes were transmitted"):
        error = failing.of_submit(failing.number_of(said), said)
        assert (type(error), error.effect) == (TransientError, "possible")
    for said, effect in (
        ("sbatch: error: Batch job submission failed: Invalid partition name specified", "none"),
        ("Unable to contact slurm controller (connect failure)", "none"),
    ):
        assert failing.of_submit(failing.number_of(said), said).effect == effect


def test_a_job_that_nobody_knows_is_an_answer() -> None:
    """A cancel of a job that has ended would be tried for ever, and hold other calls back."""
    for name in ("05-get-404", "50-purged-get"):
        assert isinstance(_told(name), Reply)
    assert not isinstance(_told("00-noauth"), AuthError), "HTTP itself tells enough"


def test_each_recorded_answer_is_read_or_refused() -> None:
    """An answer that nobody foresaw would be a traceback."""
    for name in EXCHANGES:
        found = _told(name)
        assert found is None or isinstance(found, BackendError | Reply), name


def test_a_submit_is_written_in_the_words_of_each_version() -> None:
    """The service would refuse every job, or give it other resources."""
    old: Any = dialects.submission(ORDER, 38)
    assert set(old) == {"script", "job"}
    assert old["job"]["environment"] == {"PATH": "/bin", "A": "b=c"}
    assert (old["job"]["time_limit"], old["job"]["memory_per_node"]) == (10, 500)
    assert (old["job"]["nodes"], old["job"]["gres"]) == ([2, 4], "gpu:1,fake:2")
    assert (old["job"]["no_requeue"], "requeue" in old["job"]) == (True, False)
    for version, gres in ((39, "gres:gpu:1,gres:fake:2"), (41, "gres/gpu:1,gres/fake:2")):
        new: Any = dialects.submission(ORDER, version)
        assert new["job"]["environment"] == ["PATH=/bin", "A=b=c"]
        assert new["job"]["time_limit"] == {"set": True, "infinite": False, "number": 10}
        assert (new["job"]["nodes"], new["job"]["tres_per_node"]) == ("2-4", gres)
        assert new["job"]["requeue"] is False
        assert new.get("script", new["job"].get("script")) == ORDER.script


def test_a_later_version_is_read_like_an_earlier_one() -> None:
    """After an upgrade of the cluster no job would be seen to end."""
    given = {"set": True, "infinite": False}
    row = {
        "job_id": 8,
        "array_job_id": {**given, "number": 7},
        "array_task_id": {**given, "number": 3},
        "name": "orch-1",
        "job_state": ["FAILED", "COMPLETING"],
        "state_reason": "NonZeroExitCode",
        "exit_code": {
            "status": ["ERROR"],
            "return_code": {**given, "number": 4},
            "signal": {"id": {"set": False, "infinite": False, "number": 0}, "name": ""},
        },
    }
    job = dialects.listed(row)
    assert (job.run, job.task, job.code, job.signal) == (7, "3", 4, None)
    assert job.states == ("FAILED", "COMPLETING")
    offer = dialects.offered(
        {
            "name": "debug",
            "partition": {"state": ["UP"]},
            "nodes": {"total": 4},
            "cpus": {"total": 64},
            "maximums": {
                "time": {**given, "number": 60},
                "nodes": {"set": False, "infinite": True},
            },
            "accounts": {"allowed": "a,b", "deny": ""},
        }
    )
    assert (offer.state, offer.nodes, offer.cpus, offer.time) == ("UP", 4, 64, 60)
    assert (offer.most_nodes, offer.accounts) == (None, frozenset({"a", "b"}))
