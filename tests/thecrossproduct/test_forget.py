"""What is removed over there, and what is left."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.backend import (
    Absent,
    Run,
    StageStep,
)
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import apps, data, staging
from orchestrator.backends.thecrossproduct.backend import TheCrossProduct
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.testing.contract import Place
from tests.emulated import Emulated
from tests.thecrossproduct.conftest import shell, until


async def ended(place: Place, remove: str) -> Run:
    """Run something to its end, with outputs."""
    body = {**shell("echo 1 > a; mkdir b; echo 2 > b/c"), "remove": remove}
    run = await place.started(place.run("1", body))
    await place.end(run)
    return run


@pytest.mark.parametrize(
    ("remove", "stored", "files", "record"),
    [
        ("nothing", True, True, True),
        ("files", True, False, True),
        ("all", True, False, False),
        ("files", False, True, True),
        ("all", False, True, True),
    ],
)
async def test_only_what_the_spec_says_is_removed(
    place: Place,
    session: Session,
    emulated: Emulated,
    remove: str,
    *,
    stored: bool,
    files: bool,
    record: bool,
) -> None:
    """Results would be removed over there that are not stored here, or that the user wants kept."""
    run = replace(await ended(place, remove), stored=stored)
    neighbour = f"orchestrator/{run.key}0/in/x"
    await data.make_folder(session, f"{neighbour}/")
    await place.poll(run)
    await place.backend.forget(run)
    await place.backend.forget(run)

    async def as_it_should() -> bool:
        left = await data.files(session, f"orchestrator/{run.key}/", Use.ASK)
        return bool(left) is files

    await until(as_it_should)
    assert emulated.calls("POST /v1/data/remove") == (0 if files else 2)
    assert await data.exists(session, f"{neighbour}/", Use.ASK)
    assert (await apps.process(session, str(run.remote_id), Use.ASK) is not None) is record
    assert isinstance(await place.backend.find(place.run("2", {})), Absent)


async def test_a_run_that_is_given_up_leaves_no_upload(
    place: Place, emulated: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Parts of an upload that nobody goes on with would be kept, and paid, for ever."""
    monkeypatch.setattr(staging, "IN_ONE_GO", 0)
    source = tmp_path / "in"
    source.write_bytes(b"x")
    run = place.run("1", place.bodies.copies("in", "out"))
    act = await place.backend.stage(run, StageStep("in", source))
    await place.reopen()
    await place.backend.forget(replace(run, memo=act.memo or {}))
    await place.backend.forget(replace(run, memo=act.memo or {}))
    assert emulated.calls("POST /v1/data/upload/multipart/abort") == 2
    assert isinstance(place.backend, TheCrossProduct)
