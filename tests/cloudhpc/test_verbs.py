"""`orchestrator remote NAME VERB`: each verb once, with its effect over there."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from orchestrator.backend import Finished, RejectedError, TransientError
from orchestrator.backends.cloudhpc import KIND, moving, simulations
from orchestrator.backends.cloudhpc.backend import CloudHpc
from orchestrator.backends.cloudhpc.layout import folder
from orchestrator.backends.cloudhpc.verbs import VERBS
from orchestrator.backends.http import Use
from orchestrator.testing.contract import Place, open_place
from tests import verbs
from tests.cloudhpc.conftest import BODIES, CLEAR, PUT, cloudhpc, shell, until
from tests.emulated import Emulated


@pytest.fixture
def backend(place: Place) -> CloudHpc:
    """Return the open backend itself."""
    return cloudhpc(place)


asked, rows = partial(verbs.asked, VERBS), partial(verbs.rows, VERBS)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """Open a file of the person's."""
    fd = os.open(tmp_path / "mine", os.O_RDWR | os.O_CREAT, 0o600)
    yield fd
    os.close(fd)


async def test_what_can_be_had_is_told(backend: CloudHpc) -> None:
    """A person could not write a job file."""
    assert {"cpu": "16"} in await rows(backend, "cpus")
    assert {"ram": "highmem"} in await rows(backend, "rams")
    assert {"script": "calculiX-2.21-PARDISO"} in await rows(backend, "scripts")


async def test_runs_are_told(backend: CloudHpc, place: Place, emulated: Emulated) -> None:
    """A person could not look at a run that is in doubt."""
    done = await place.started(place.run("1", shell("echo said; date > a", cpu=224)))
    await place.end(done)
    emulated.tell("simulations", folder="of-others", status=30)
    emulated.set(page=1)
    [first] = await rows(backend, "runs")
    assert (first["folder"], first["state"], first["ended"]) == ("of-others", "RUNNING", "")
    [second] = await rows(backend, "runs", "2")
    assert (str(second["id"]), second["folder"]) == (done.remote_id, folder(done))
    assert second["cost"] > 0
    assert await rows(backend, "runs", "3") == []
    one = await asked(backend, "run", done.remote_id)
    assert isinstance(one, dict)
    assert (one["state"], one["script"], one["cpu"]) == ("COMPLETED", "custom-script-u24", 224)
    assert "vnc_url" not in one
    assert await asked(backend, "output", done.remote_id) == "said\n"
    assert "nothing yet" in str(await asked(backend, "output", str(first["id"])))


@pytest.mark.parametrize(("verb", "log"), [("stop", "soft stop"), ("kill", "hard stop")])
async def test_runs_are_stopped(
    backend: CloudHpc, place: Place, emulated: Emulated, verb: str, log: str
) -> None:
    """A person could not stop what costs money."""
    emulated.set(stopping=0)
    lives = await place.started(place.run("1", place.bodies.sleeps))
    await until(lambda: bool(emulated.told()["live"]))
    await asked(backend, "sync", lives.remote_id)
    await asked(backend, verb, lives.remote_id)
    await until(lambda: emulated.told()["live"] == [])
    assert isinstance(await place.end(lives), Finished)
    record = await simulations.view(backend.calls, int(str(lives.remote_id)), Use.ASK)
    assert log in record.logs


@pytest.mark.parametrize("verb", ["run", "output", "stop", "kill", "sync"])
@pytest.mark.parametrize("word", ["abc", "-1", "", "1.0", "٣", "9" * 5000])
async def test_a_wrong_number_of_a_run_is_a_clear_error(
    backend: CloudHpc, emulated: Emulated, verb: str, word: str
) -> None:
    """A slip of the hand would stop another run, or end in a traceback."""
    with pytest.raises(RejectedError, match="RUN is the number of a simulation") as caught:
        await asked(backend, verb, word)
    assert caught.value.effect == "none"
    assert emulated.calls() == 0


@pytest.mark.parametrize("word", ["0", "x"])
async def test_a_wrong_page_is_a_clear_error(backend: CloudHpc, word: str) -> None:
    """A slip of the hand would look like a failing service."""
    with pytest.raises(RejectedError, match=f'PAGE is a number from 1 on, not "{word}"'):
        await asked(backend, "runs", word)


@pytest.mark.parametrize("verb", ["run", "output", "stop", "kill", "sync"])
async def test_a_run_that_is_not_there_is_told_so(backend: CloudHpc, verb: str) -> None:
    """A person would wait for a problem to pass that never does."""
    with pytest.raises(TransientError, match="technical problem"):
        await asked(backend, verb, "999")


async def test_a_file_goes_there_and_back(backend: CloudHpc, file: int, emulated: Emulated) -> None:
    """A person could not move files, or would write over what is there."""
    os.write(file, b"12345")
    assert await asked(backend, "put", "box/a.dat", file) == {"path": "box/a.dat", "size": 5}
    with pytest.raises(RejectedError, match="already"):
        await asked(backend, "put", "box/a.dat", file)
    for bad in ("a.dat", "/a.dat", "box/"):
        with pytest.raises(RejectedError, match="FOLDER/NAME"):
            await asked(backend, "put", bad, file)
    with pytest.raises(RejectedError, match="a space"):
        await asked(backend, "put", "box/a b.dat", file)
    assert emulated.calls(PUT) == 1
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    told = await asked(backend, "get", "box/a.dat", file)
    assert isinstance(told, dict)
    assert (told["size"], told["md5"]) == (5, "827ccb0eea8a706c4c34a16891f84e7b")
    assert os.pread(file, 100, 0) == b"12345"
    with pytest.raises(RejectedError, match="shows no box/a"):
        await asked(backend, "get", "box/a", file)


async def test_files_are_listed_and_removed(
    backend: CloudHpc, file: int, emulated: Emulated
) -> None:
    """A person could not tidy up his storage."""
    emulated.set(storage_page=1)
    for name in ("a", "b", "sub/c"):
        await asked(backend, "put", f"box/{name}", file)
    assert [row["name"] for row in await rows(backend, "ls")] == ["box/"]
    in_it = await rows(backend, "ls", "box/")
    assert [row["name"] for row in in_it] == ["box/a", "box/b", "box/sub/"]
    assert (in_it[0]["size"], in_it[0]["created"] != "") == (0, True)
    await asked(backend, "rm", "box/sub")
    await asked(backend, "rm", "/box/a")
    assert [row["name"] for row in await rows(backend, "ls", "box")] == ["box/b"]
    with pytest.raises(RejectedError, match="shows no box/a"):
        await asked(backend, "rm", "box/a")
    with pytest.raises(RejectedError, match="shows no nothing"):
        await asked(backend, "ls", "nothing")
    before = emulated.calls(CLEAR)
    await asked(backend, "delete-cache")
    assert emulated.calls(CLEAR) == before + 1


@pytest.mark.parametrize("fault", ["wrong-bytes", "short-length"])
async def test_a_damaged_download_is_noticed(
    backend: CloudHpc, file: int, emulated: Emulated, fault: str
) -> None:
    """A person would be given a file that is not what lies there."""
    os.write(file, b"12345")
    await asked(backend, "put", "box/a", file)
    emulated.put(f"{fault},on=GET /s3/*")
    with pytest.raises(TransientError, match="came damaged") as caught:
        await asked(backend, "get", "box/a", file)
    assert caught.value.effect == "none"


@pytest.mark.parametrize(("verb", "on"), [("get", "GET"), ("put", "PUT")])
async def test_an_address_that_died_is_told(
    backend: CloudHpc, file: int, emulated: Emulated, verb: str, on: str
) -> None:
    """A person would be told of a fault in the program."""
    await asked(backend, "put", "box/a", file)
    emulated.put(f"expired-urls,on={on} *")
    with pytest.raises(TransientError, match="not good any more") as caught:
        await asked(backend, verb, "box/a" if verb == "get" else "box/b", file)
    assert type(caught.value) is TransientError


def test_what_destroys_is_asked_about_first() -> None:
    """A slip of the hand would erase what a job needs."""
    warned = {name for name, verb in VERBS.items() if verb.warning}
    assert warned == {"rm", "kill"}
    files = {name: verb.file for name, verb in VERBS.items() if verb.file}
    assert files == {"get": "to here", "put": "from here"}
    assert KIND.verbs() is VERBS
    assert moving.get is VERBS["get"].call


async def test_doctor_tells_how_it_is(
    backend: CloudHpc, emulated: Emulated, tmp_path: Path
) -> None:
    """A person would find out only by a job that does not start."""
    assert KIND.examine is not None
    [line] = await KIND.examine(backend)
    assert (line.level, line.text) == ("ok", "the key is taken; 8 scripts can be run")
    wrong = replace(emulated, secrets=dict.fromkeys(emulated.secrets, "wrong"))
    async with open_place(
        KIND, wrong.options, tmp_path / "other", BODIES, secrets=wrong.secrets
    ) as place:
        [line] = await KIND.examine(place.backend)
        assert (line.level, "Unauthorized" in line.text) == ("problem", True)
    async with open_place(KIND, wrong.options, tmp_path / "none", BODIES) as place:
        [line] = await KIND.examine(place.backend)
    assert (line.level, "`api_key`" in line.text) == ("problem", True)
