"""What a process record says of a run."""

import pytest

from orchestrator.backend import Alive, Answer, Finished
from orchestrator.backends.thecrossproduct.judging import LONGEST, judge
from orchestrator.backends.thecrossproduct.replies import Process

STEPS = (
    "pending", "waiting", "download", "features_0", "predict_0", "say_hello", "upload",
    "terminated", "calibrating_7", "deadline", "Dead", "unfailed", "",
)  # fmt: skip


def judged(state: str, errors: str | None = "", *, stopping: bool = False) -> Answer:
    """Judge a process of this state."""
    return judge(Process(id="p", state=state, errors=errors), stopping=stopping)


@pytest.mark.parametrize("state", STEPS)
@pytest.mark.parametrize("stopping", [False, True])
def test_every_step_is_alive(state: str, *, stopping: bool) -> None:
    """A run would be taken for ended while it runs: its results would be half."""
    assert judged(state, "a warning", stopping=stopping) == Alive(f"state {state}")


@pytest.mark.parametrize(
    ("state", "errors", "ok", "reason"),
    [
        ("dead", "", True, "dead, no errors"),
        ("dead", None, True, "dead, no errors"),
        ("dead", " \n", True, "dead, no errors"),
        ("dead", "out of memory\nat step 3", False, "dead: out of memory at step 3"),
        ("failed", "", False, "failed, no errors"),
        ("failed_download", "no such file", False, "failed_download: no such file"),
        ("failed_predict_0", None, False, "failed_predict_0, no errors"),
    ],
)
def test_an_end_is_a_success_only_without_errors(
    state: str, errors: str | None, reason: str, *, ok: bool
) -> None:
    """A run that failed would be published as a success."""
    assert judged(state, errors) == Finished(ok=ok, reason=reason)


@pytest.mark.parametrize("state", ["dead", "failed_features_0"])
@pytest.mark.parametrize("errors", ["", "Killed by user"])
def test_a_stopped_run_is_never_a_success(state: str, errors: str) -> None:
    """A cancelled run that left half of its outputs would be published as a success."""
    end = judged(state, errors, stopping=True)
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped) == (False, "cancel")


def test_foreign_words_are_made_harmless() -> None:
    """A service could write escape codes into the person's terminal, or fill the log."""
    assert "\x1b" not in str(judged("failed_\x1b[31m"))
    assert "\x1b" not in str(judged("\x1b[31m"))
    end = judged("dead", "\x1b[2J" + "x" * 10_000)
    assert isinstance(end, Finished)
    assert "\x1b" not in end.reason
    assert len(end.reason) <= len("dead: ") + LONGEST
