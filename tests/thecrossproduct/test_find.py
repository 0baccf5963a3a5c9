"""Looking for a run by its key: what is believed, and what proves nothing."""

import pytest

from orchestrator.backend import (
    Absent,
    Alive,
    Found,
    Run,
    Several,
    Unclear,
)
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import apps
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.testing.contract import Place
from tests.emulated import Emulated


async def test_a_run_is_found_only_by_its_own_tag(place: Place, lives: Run) -> None:
    """A run of another job would be taken for this one's."""
    found = await place.backend.find(lives)
    assert isinstance(found, Found)
    assert found.remote_id == lives.remote_id
    assert lives.key in found.evidence
    assert isinstance(await place.backend.find(place.run("2", {})), Absent)


async def test_two_runs_with_one_key_are_for_a_person(
    place: Place, lives: Run, session: Session
) -> None:
    """One of two runs would be taken by chance, the other go on unseen."""
    copy = await apps.run(
        session, "emulator/shell", {"script": "true"}, tags=[lives.key], output_prefix="copy"
    )
    assert await place.backend.find(lives) == Several(tuple(sorted([str(lives.remote_id), copy])))


async def test_a_list_that_lacks_a_known_run_proves_nothing(
    place: Place, lives: Run, emulated: Emulated
) -> None:
    """A run that the list does not show yet would be started a second time."""
    assert isinstance(await place.poll(lives), Alive)
    other = place.run("2", place.bodies.sleeps)
    assert isinstance(await place.backend.find(other), Absent)
    emulated.put("list-lag=60")
    unclear = await place.backend.find(other)
    assert isinstance(unclear, Unclear)
    assert str(lives.remote_id) in unclear.why
    emulated.put("empty-list", "list-lag=60")
    assert isinstance(await place.backend.find(other), Unclear)
    emulated.put()
    assert isinstance(await place.backend.find(other), Absent)


async def test_a_known_run_that_was_erased_holds_nobody_up(
    place: Place, lives: Run, session: Session
) -> None:
    """After somebody erased one record, no other run could be proved absent any more."""
    await place.poll(lives)
    await apps.stop(session, [str(lives.remote_id)], Use.ASK, keep=False)
    assert isinstance(await place.backend.find(place.run("2", {})), Absent)


async def test_a_list_without_tags_proves_nothing(
    place: Place, lives: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that stops telling tags would make every run look absent."""
    real = apps.processes_told

    async def without(*args: object, **filters: object) -> list[object]:
        listed = await real(*args, **filters)  # type: ignore[arg-type] # passed on
        return [process.model_copy(update={"tags": None}) for process in listed or ()]

    monkeypatch.setattr(apps, "processes_told", without)
    assert isinstance(await place.backend.find(lives), Unclear)
