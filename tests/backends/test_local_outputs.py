"""Whatever a job makes of its directory, the right files come back and the rest goes."""

import json
from pathlib import Path

import pytest

from orchestrator.backend import Finished, Output, RejectedError
from orchestrator.core.spec import Outputs
from orchestrator.testing.contract import Place


async def test_odd_names_come_back(place: Place) -> None:
    """A file would be lost, or another one returned in its stead, because of its name."""
    script = r"""
    printf 1 > "$(printf 'new\nline')"; printf 2 > ' '; printf 3 > '%FF'
    printf 4 > "$(printf 'wrong\377')"; printf 5 > -rf; printf 6 > 'ü'; mkdir d; printf 7 > d/.hid
    printf 8 > stdout
    """
    run = await place.started(place.run("1", {"script": script}))
    await place.end(run)
    assert await place.outputs(run) == {
        "new\nline": b"1",
        " ": b"2",
        "%FF": b"3",
        "wrong%FF": b"4",
        "-rf": b"5",
        "ü": b"6",
        "d/.hid": b"7",
        "stdout": b"8",
    }
    assert await place.outputs(run, log=True) == {"stdout": b"", "stderr": b""}


async def test_only_regular_files_come_back(place: Place) -> None:
    """A link in a job's directory would publish any file the daemon can read; a pipe hang it."""
    script = "ln -s /etc/passwd link; ln -s /etc dir; mkfifo pipe; echo x > file; ln file hard"
    run = await place.started(place.run("1", {"script": script}))
    await place.end(run)
    assert set(await place.outputs(run)) == {"file", "hard"}
    for name in ("link", "dir/passwd", "pipe", "../stdout", "/etc/passwd", "none", "a\0b"):
        with (
            pytest.raises(RejectedError, match="output"),
            place.backend.open_output(run, Output(name), 0),
        ):
            pass


async def test_a_pattern_that_is_none_is_refused(place: Place) -> None:
    """The harvest would end with a traceback."""
    run = place.run(
        "1", {"command": ["true"]}, outputs=Outputs.model_construct(include=("../x",), exclude=())
    )
    await place.end(await place.started(run))
    with pytest.raises(RejectedError, match=r"'\.\./x'"):
        await place.backend.list_outputs(run)


async def test_what_nobody_may_read_comes_back_and_goes(place: Place, tmp_path: Path) -> None:
    """A job's odd permissions would keep its results from being fetched, or its folder for ever."""
    script = "mkdir -p a/b; echo x > a/b/f; chmod 0 a/b/f a/b a; ln -s ../../../../.. up"
    run = await place.started(place.run("1", {"script": script}))
    (tmp_path / "keep").write_text("x")
    await place.end(run)
    assert await place.outputs(run) == {"a/b/f": b"x\n"}
    await place.backend.forget(run)
    assert not any((place.directory / "runs").iterdir())
    assert (tmp_path / "keep").read_text() == "x"


async def test_a_very_deep_folder_goes(place: Place) -> None:
    """A job that made one would leave it on the disk for ever."""
    code = "import os\nfor _ in range(1500): os.mkdir('deeper'); os.chdir('deeper')"
    run = await place.started(place.run("1", {"command": ["python3", "-c", code]}))
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert end.ok
    await place.backend.forget(run)
    assert not any((place.directory / "runs").iterdir())


async def test_a_removal_that_was_interrupted_is_finished(place: Place) -> None:
    """Disks would fill up with folders that nothing remembers."""
    (place.directory / "runs" / ".gone-orch-x" / "work").mkdir(parents=True)
    await place.reopen()
    assert not any((place.directory / "runs").iterdir())


async def test_outputs_that_could_not_be_synced_are_no_success(place: Place) -> None:
    """A full disk would leave empty files that are published as the results of a success."""
    run = await place.started(place.run("1", {"command": ["true"]}))
    await place.end(run)
    path = place.directory / "runs" / run.key / "exit.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "unsynced": "Input/output error"}))
    end = await place.poll(run)
    assert isinstance(end, Finished)
    assert not end.ok
    assert "could not be brought to the disk" in end.reason
