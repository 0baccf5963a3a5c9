"""Starting a run: what is refused before, and what is known after."""

from pathlib import Path

import pytest

from orchestrator.backend import (
    Absent,
    AuthError,
    Found,
    RejectedError,
    StageStep,
    TransientError,
)
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import apps
from orchestrator.backends.thecrossproduct import backend as module
from orchestrator.backends.thecrossproduct.model import RunTable
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.testing.contract import Place
from tests.emulated import Emulated
from tests.thecrossproduct.conftest import shell

SCHEMA = "GET /v1/app/{domain}/{app}/inputs"


async def test_a_run_bears_its_key_and_its_own_folder(place: Place, session: Session) -> None:
    """A run could not be found again, or would write over the outputs of another."""
    run = await place.started(place.run("1", {**place.bodies.sleeps, "tags": ["study-7"]}))
    process = await apps.process(session, str(run.remote_id), Use.ASK)
    assert process is not None
    assert process.tags == (run.key, "study-7")
    assert process.model_dump()["body"]["output-prefix"] == f"orchestrator/{run.key}/out"


def test_a_tag_is_never_like_a_key() -> None:
    """A job file could make its run look like another one."""
    with pytest.raises(ValueError, match="begins with orch-"):
        RunTable.model_validate({"app": "a/b", "tags": ["orch-home-1"]})


async def test_a_reference_to_no_input_is_refused_before_anything_is_sent(
    place: Place, emulated: Emulated, tmp_path: Path
) -> None:
    """A person would wait for gigabytes to go over before a slip in his job file is told."""
    run = place.run("1", shell("true", files={"in": {"input": "mesh.inp"}}))
    with pytest.raises(RejectedError, match=r'no input of this job: "mesh.inp"') as caught:
        await place.backend.submit(run)
    assert caught.value.effect == "none"
    with pytest.raises(RejectedError, match="no input of this job"):
        await place.backend.stage(run, StageStep("a", tmp_path / "a", {"a", "b"}))
    assert emulated.calls() == 0


async def test_a_name_that_the_service_takes_for_a_group_is_refused(
    place: Place, tmp_path: Path
) -> None:
    """A job would be held for a login that is refused, and nobody would know why."""
    with pytest.raises(RejectedError, match="name of a group"):
        await place.backend.stage(place.run("1", shell("true")), StageStep("a@2", tmp_path / "a"))


async def test_wrong_inputs_are_refused_by_name_before_a_start(
    place: Place, emulated: Emulated
) -> None:
    """A run would be started, and paid, that cannot go well."""
    with pytest.raises(RejectedError, match="script: it is needed; `orchestrator remote place"):
        await place.backend.submit(place.run("1", {"app": "emulator/shell", "inputs": {}}))
    assert emulated.told()["starts"] == []


async def test_what_an_app_takes_is_asked_again(
    place: Place, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs would be refused by what an app took months ago, until the daemon is restarted."""
    await place.started(place.run("1", shell("true")))
    await place.started(place.run("2", shell("true")))
    assert emulated.calls(SCHEMA) == 1
    emulated.put("error-before=400,times=1,on=*/run")
    with pytest.raises(RejectedError):
        await place.started(place.run("3", shell("true")))
    await place.started(place.run("3", shell("true")))
    assert emulated.calls(SCHEMA) == 2, "after a refusal"
    monkeypatch.setattr(module, "SCHEMA_LIVES", 0.0)
    await place.started(place.run("4", shell("true")))
    assert emulated.calls(SCHEMA) == 3, "after its time"


@pytest.mark.parametrize(
    ("fault", "error", "effect", "starts"),
    [
        ("error-after=502", TransientError, "possible", 1),
        ("drop-after", TransientError, "possible", 1),
        ("html", Exception, "possible", 1),
        ("error-before=400", RejectedError, "none", 0),
        ("licence-used-up", AuthError, "none", 0),
    ],
)
async def test_a_submit_without_an_answer_may_have_started(
    place: Place,
    emulated: Emulated,
    fault: str,
    *,
    error: type[Exception],
    effect: str,
    starts: int,
) -> None:
    """A run would be started twice."""
    run = place.run("1", place.bodies.sleeps)
    emulated.put(f"{fault},times=1,on=*/run")
    with pytest.raises(error) as caught:
        await place.backend.submit(run)
    assert getattr(caught.value, "effect", None) == effect
    assert len(emulated.starts(run.key)) == starts
    found = await place.backend.find(run)
    assert isinstance(found, Found if starts else Absent)
