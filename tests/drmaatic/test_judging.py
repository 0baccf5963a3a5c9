"""What the service's sentence and a run's files say of its end."""

from pathlib import Path

import pytest

from orchestrator.backend import Alive, Answer, Finished, Lost, NoAnswer
from orchestrator.backends.drmaatic.judging import Seen, alive, judge, missing
from orchestrator.backends.drmaatic.replies import Record
from orchestrator.backends.drmaatic.sightings import Sightings
from orchestrator.backends.drmaatic.status import ENDS, Status, meaning

DONE, FAILED = "job finished normally", "job finished, but failed"
STOPPED, REJECTED = "job was stopped by the user", "job has been rejected from the ws"
TIMELY, LATE = Seen(timely=True), Seen(timely=False)


@pytest.mark.parametrize(
    ("sentence", "means"),
    [
        (DONE, Status.DONE),
        (FAILED, Status.FAILED),
        (STOPPED, Status.STOPPED),
        (REJECTED, Status.REJECTED),
        ("task has been rejected from the ws", Status.REJECTED),
        ("job has been received from the ws", Status.RECEIVED),
        ("task has been received from the ws", Status.RECEIVED),
        ("job has been created and sent to the DRM", Status.ALIVE),
        ("task has been created and sent to the DRM", Status.ALIVE),
        ("process status cannot be determined", Status.ALIVE),
        ("job is queued and active", Status.ALIVE),
        ("job is queued and in system hold", Status.ALIVE),
        ("job is queued and in user hold", Status.ALIVE),
        ("job is queued and in user and system hold", Status.ALIVE),
        ("job is running", Status.ALIVE),
        ("job is system suspended", Status.ALIVE),
        ("job is user suspended", Status.ALIVE),
        ("job finished", Status.UNKNOWN),
        ("job finished normally.", Status.UNKNOWN),
        ("Job finished normally", Status.UNKNOWN),
        ("", Status.UNKNOWN),
    ],
)
def test_only_whole_sentences_mean_something(sentence: str, means: Status) -> None:
    """A state of a later release would be taken for an end, and its run be published half-way."""
    assert meaning(sentence) is means
    is_end = any(word in sentence for word in ("normally", "but failed", "stopped", "rejected"))
    assert (means in ENDS) is (is_end and means is not Status.UNKNOWN)


@pytest.mark.parametrize(
    ("created", "told_at", "young"),
    [
        ("2026-11-21T22:31:26.028890+01:00", "Sat, 21 Nov 2026 21:31:26 GMT", True),
        ("2026-11-21T22:31:26.028890+01:00", "Sat, 21 Nov 2026 21:36:25 GMT", True),
        ("2026-11-21T22:31:26.028890+01:00", "Sat, 21 Nov 2026 21:36:27 GMT", False),
        ("2026-11-21T23:31:26.028890+01:00", "Sat, 21 Nov 2026 21:31:26 GMT", False),
        ("2026-11-21T22:31:26.028890", "Sat, 21 Nov 2026 21:31:26 GMT", False),
        ("2026-11-21T22:31:26.028890+01:00", "", False),
        ("", "Sat, 21 Nov 2026 21:31:26 GMT", False),
        ("yesterday", "Sat, 99 Nov 2026 21:31:26 GMT", False),
    ],
)
def test_how_old_a_run_is_is_told_by_one_clock(
    created: str, told_at: str, tmp_path: Path, *, young: bool
) -> None:
    """A failure that was forgotten would be believed, where the service has two clocks."""
    run = {"uuid": "7e3c6b37-8677-4942-aca3-27fed202daf7", "task": "t", "status": DONE}
    record = Record.model_validate({**run, "creation_date": created, "told_at": told_at})
    assert Sightings(tmp_path, lambda: 0.0).is_timely("k", record, 300) is young


def test_what_is_not_known_is_no_end() -> None:
    """It would end a run that goes on."""
    answer = alive("job is thinking", received_for=0, received_limit=1)
    assert answer == NoAnswer("the service says 'job is thinking', which is no state that is known")
    long = alive("x" * 10**6, received_for=0.0, received_limit=1.0)
    assert isinstance(long, NoAnswer)
    assert len(long.why) < 500, "it would stand in the queue and on the screen"


def test_a_run_that_stays_received_is_for_a_person() -> None:
    """It would be waited for for ever: nothing tells a dead submission from one in flight."""
    received = "job has been received from the ws"
    assert alive(received, received_for=60, received_limit=60) == Alive(received)
    answer = alive(received, received_for=120, received_limit=60)
    assert isinstance(answer, Lost)
    assert answer.evidence.startswith(f"{received!r} for 2 min: the submission hangs")
    assert alive("job is running", received_for=120, received_limit=60) == Alive("job is running")


def test_what_fits_no_file_is_missing() -> None:
    """A proof that is not there would count."""
    names = ["out_1.dat", "sub/result.json"]
    assert missing(["out_*.dat", "result.json"], names) == []
    assert missing(["out_2.dat", "*.json", "result"], names) == ["out_2.dat", "result"]


@pytest.mark.parametrize(
    ("sentence", "seen", "proof", "lacking", "answer"),
    [
        (DONE, TIMELY, [], [], Finished(ok=True, reason=DONE)),
        (FAILED, TIMELY, [], [], Finished(ok=False, reason=FAILED)),
        (FAILED, LATE, [], [], Finished(ok=False, reason=FAILED)),
        (REJECTED, TIMELY, ["a"], ["a"], Finished(ok=False, reason=REJECTED)),
        (STOPPED, TIMELY, ["a"], [], Finished(ok=False, reason=f"{STOPPED}, but not by us")),
        (
            DONE,
            LATE,
            ["a"],
            [],
            Finished(ok=True, reason=f"{DONE}; the files that prove success are there"),
        ),
        (
            FAILED,
            TIMELY,
            ["a"],
            [],
            Finished(
                ok=True,
                reason=f"the service says {FAILED!r}; the files that prove success are there",
            ),
        ),
        (DONE, TIMELY, ["a", "b"], ["b"], Finished(ok=False, reason=f"{DONE}; no file fits b")),
        (FAILED, TIMELY, ["a"], ["a"], Finished(ok=False, reason=f"{FAILED}; no file fits a")),
        (
            FAILED,
            Seen(timely=True, waited=False),
            ["a"],
            ["a"],
            Finished(ok=False, reason=f"{FAILED}; no file fits a"),
        ),
        (
            DONE,
            Seen(timely=True, waited=False),
            ["a", "b"],
            ["a", "b"],
            Alive(f"{DONE}; what proves success is waited for: a, b"),
        ),
    ],
)
def test_how_a_run_ended(
    sentence: str, seen: Seen, proof: list[str], lacking: list[str], answer: Answer
) -> None:
    """A failed run would be published as a success, or a good one be thrown away."""
    assert judge(sentence, seen, proof=proof, lacking=lacking) == answer


@pytest.mark.parametrize("sentence", [DONE, FAILED, STOPPED])
def test_a_run_that_we_stopped_is_never_a_success(sentence: str) -> None:
    """Half of its outputs would be taken for all: 2023 says "finished" of a stopped run."""
    answer = judge(sentence, Seen(timely=True, stopping=True), proof=["a"], lacking=[])
    reason = f"{sentence}, after we asked it to stop"
    assert answer == Finished(ok=False, reason=reason, stopped="cancel")


def test_a_success_that_may_be_a_forgotten_failure_is_for_a_person() -> None:
    """A run that timed out while nobody looked would be published as a success."""
    answer = judge(DONE, LATE, proof=[], lacking=[])
    assert isinstance(answer, Lost)
    assert "`proof`" in answer.evidence
