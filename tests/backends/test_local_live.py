"""Local runs that are looked at while they go on."""

import os
import shutil
import stat
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
import pytest

from orchestrator.backend import Alive, Run
from orchestrator.backends.local import outputs
from orchestrator.engine.glance import Glance, Note, glance
from orchestrator.testing.contract import Place

T = TypeVar("T")
Told = Callable[[], Awaitable[list[str]]]


async def live(place: Place, told: Told, script: str) -> tuple[Run, Path]:
    """Start a run that goes on after a script; return it, and its directory."""
    script = f"{script}\necho ready > ../../../../told; exec sleep 1000"
    run = await place.started(place.run("1", {"script": script}))
    assert await told() == ["ready"]
    return replace(run, live=True), place.directory / "runs" / run.key / "work"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """Open a new folder `look`."""
    (tmp_path / "look").mkdir()
    fd = os.open(tmp_path / "look", os.O_RDONLY)
    yield fd
    os.close(fd)


async def look(place: Place, run: Run, folder: int, meanwhile: Callable[[], None]) -> Glance:
    """Look at a run; something happens between the listing and the copying."""

    async def in_thread(fn: Callable[[], T], /) -> T:
        meanwhile()
        return await anyio.to_thread.run_sync(fn)

    return await glance(place.backend, run, folder, in_thread=in_thread, keep_free=0)


async def test_a_run_may_go_on_writing_while_it_is_looked_at(
    place: Place, told: Told, tmp_path: Path, folder: int
) -> None:
    """The one file that grows, which is what people want to see, would be left out."""
    run, work = await live(place, told, "echo one > log; echo x > gone; echo long > cut; echo said")

    def meanwhile() -> None:
        with (work / "log").open("a") as file:
            file.write("two\n")
        (work / "gone").unlink()
        (work / "cut").write_text("")

    found = await look(place, run, folder, meanwhile)
    assert (found.early, found.files, found.bytes, found.missing) == (True, 4, 13, 1)
    changes = "it changes: {} bytes when it was listed, {} when copied"
    assert found.notes[0] == Note("outputs/cut", changes.format(5, 0), copied=True)
    assert (found.notes[1].file, found.notes[1].copied) == ("outputs/gone", False)
    assert "No such file" in found.notes[1].why
    assert found.notes[2] == Note("outputs/log", changes.format(4, 8), copied=True)
    assert (tmp_path / "look/outputs/log").read_text() == "one\ntwo\n"
    assert (tmp_path / "look/stdout").read_text() == "said\n"
    assert isinstance(await place.poll(run), Alive)


async def test_a_look_changes_nothing_of_a_live_run(place: Place, told: Told) -> None:
    """A run whose files are closed on purpose would find them open, and go another way."""
    script = "mkdir -p a/b; echo x > a/b/f; echo y > g; chmod 0 g; chmod 500 a/b; chmod 300 a"
    run, work = await live(place, told, script)
    await place.outputs(run)
    modes = [stat.S_IMODE((work / name).stat().st_mode) for name in ("g", "a", "a/b")]
    assert modes == [0, 0o300, 0o500]
    ended = replace(run, live=False)
    await place.end(await place.cancelled(ended))
    assert await place.outputs(ended) == {"a/b/f": b"x\n", "g": b"y\n"}


@pytest.mark.parametrize("ours", [True, False])
def test_what_vanishes_while_it_is_listed_hides_nothing_else(tmp_path: Path, *, ours: bool) -> None:
    """One scratch folder that goes would empty the whole listing, and so a published result."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
        (tmp_path / name / "twin").write_text("x")
    fd = os.open(tmp_path, os.O_RDONLY)
    found = outputs._files(fd, ours=ours)
    first, _ = next(found)
    folder, name = first.split("/")
    (tmp_path / folder / ({"file", "twin"} - {name}).pop()).unlink()
    gone, replaced = sorted({"a", "b", "c"} - {folder})
    shutil.rmtree(tmp_path / gone)
    shutil.rmtree(tmp_path / replaced)
    (tmp_path / replaced).write_text("a file now")
    assert list(found) == []
    assert {path for path, _ in outputs._files(fd, ours=ours)} == {first, replaced}
    os.close(fd)
