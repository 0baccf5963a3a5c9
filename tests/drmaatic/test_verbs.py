"""`orchestrator remote NAME VERB`: each verb once, with its effect over there."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from orchestrator.backend import Alive, AuthError, Finished, RejectedError, Run
from orchestrator.backends.drmaatic.backend import Drmaatic
from orchestrator.backends.drmaatic.verbs import VERBS
from orchestrator.backends.http import Use
from orchestrator.testing.contract import Place
from tests import verbs
from tests.drmaatic.conftest import RUNNING, drmaatic, entry, listed, shell, today
from tests.emulated import Emulated

UNKNOWN = "7e3c6b37-8677-4942-aca3-27fed202daf7"
asked, rows = partial(verbs.asked, VERBS), partial(verbs.rows, VERBS)


@pytest.fixture
def backend(place: Place) -> Drmaatic:
    """Return the open backend itself."""
    return drmaatic(place)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """Open a file of the person's."""
    fd = os.open(tmp_path / "mine", os.O_RDWR | os.O_CREAT, 0o600)
    yield fd
    os.close(fd)


async def test_what_can_be_run_is_told(backend: Drmaatic, year: str) -> None:
    """A person could not write a job file."""
    table = await rows(backend, "catalogue")
    [one] = [row for row in table if row["name"] == "shell"]
    assert one["parameters"] == "script, data, argument"
    assert (one["credits"] is None) is (year == "2023")
    assert await rows(backend, "catalogue", "99") == []
    script, *_ = await rows(backend, "describe", "shell")
    assert (script["parameter"], script["type"], script["required"]) == ("script", "file", True)
    with pytest.raises(RejectedError, match='the catalogue has no "shel"'):
        await asked(backend, "describe", "shel")


async def test_runs_are_told(backend: Drmaatic, place: Place, emulated: Emulated) -> None:
    """A person could not look at a run that is in doubt."""
    run = listed(place, emulated, "1")
    emulated.tell("runs", description="of others", count=60)
    assert len(await rows(backend, "runs", "55")) == 55
    *_, last = await rows(backend, "runs", "100")
    assert (last["uuid"], last["status"], last["task"]) == (run.remote_id, RUNNING, "sleep")
    assert run.key in last["description"]
    one = await asked(backend, "run", run.remote_id)
    assert isinstance(one, dict)
    assert (one["uuid"], one["status"]) == (run.remote_id, RUNNING)
    with pytest.raises(RejectedError, match="knows no run"):
        await asked(backend, "run", UNKNOWN)


async def test_files_are_fetched(backend: Drmaatic, place: Place, file: int) -> None:
    """A person could not look at what a run has left."""
    body = entry("echo-file", {"i.t": b"hello"}, files={"input_file": "i.t"})
    run = await place.started(place.run("1", body))
    await place.end(run)
    assert {"name": "sub/deep/upper.txt"} in await rows(backend, "files", run.remote_id)
    told = await asked(backend, "get", run.remote_id, "dir with space/ä file.txt", file)
    assert told == {"path": "dir with space/ä file.txt", "size": 6}
    assert os.pread(file, 100, 0) == b"hello\n"
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    told = await asked(backend, "zip", run.remote_id, file)
    assert isinstance(told, dict)
    assert told["size"] == os.fstat(file).st_size
    assert os.pread(file, 2, 0) == b"PK"
    for bad in ("../escaped", "a//b", ""):
        with pytest.raises(RejectedError, match="not the name of a file"):
            await asked(backend, "get", run.remote_id, bad, file)


async def test_an_archive_that_there_is_not_is_told(
    backend: Drmaatic, place: Place, lives: Run, file: int
) -> None:
    """A person would wait for an archive that no script makes; or not for one that comes."""
    none = await place.started(place.run("2", shell("true")))
    await place.end(none)
    with pytest.raises(RejectedError, match="answered 404: the run's script made no archive"):
        await asked(backend, "zip", none.remote_id, file)
    with pytest.raises(RejectedError, match="answered 404: Output files not available"):
        await asked(backend, "zip", lives.remote_id, file)
    await place.cancelled(lives)


async def test_runs_are_stopped_and_deleted(
    backend: Drmaatic, place: Place, lives: Run, year: str
) -> None:
    """A person could not stop what costs credit."""
    assert isinstance(await place.poll(lives), Alive)
    assert "was asked to stop" in str(await asked(backend, "stop", lives.remote_id))
    assert isinstance(await place.end(lives), Finished)
    again = str(await asked(backend, "stop", lives.remote_id))
    assert ("does not run" in again) is (year == "2025")
    await asked(backend, "delete", lives.remote_id)
    assert await backend.service.get(str(lives.remote_id), Use.ASK) is None


@today
async def test_what_only_2025_has(backend: Drmaatic, place: Place, emulated: Emulated) -> None:
    """A person could not look at his credit, nor get back what he began as a stranger."""
    emulated.set(credit=50)
    assert await asked(backend, "credit") == {"available": 50}
    assert await asked(backend, "credit", "60") == {"available": 50, "wait_s": "infinite"}
    place.options = place.options.model_copy(update={"token": None})
    await place.reopen()
    run = await place.started(place.run("1", place.bodies.sleeps))
    assert await asked(drmaatic(place), "status", run.remote_id) != ""
    place.options = emulated.options
    await place.reopen()
    assert await rows(drmaatic(place), "runs") == []
    await asked(drmaatic(place), "own", run.remote_id)
    [row] = await rows(drmaatic(place), "runs")
    assert row["uuid"] == run.remote_id
    await place.cancelled(run)


@pytest.mark.parametrize("year", ["2023"])
async def test_what_2023_has_not_is_told(backend: Drmaatic) -> None:
    """A person would be told of a wrong address."""
    with pytest.raises(RejectedError, match="CPU credits: only a service of 2025 has them"):
        await asked(backend, "credit")


async def test_a_token_is_got_for_one_of_orcid(
    backend: Drmaatic, file: int, tmp_path: Path
) -> None:
    """A person could not renew his token."""
    tokens = tmp_path / "service/tokens"
    os.write(file, (tokens / "alice.orcid").read_bytes() + b"\n")
    os.lseek(file, 0, os.SEEK_SET)
    told = await asked(backend, "exchange", "0000-0002-1825-0097", file)
    assert told == {"token": (tokens / "alice").read_text()}
    for text, error in (
        (b"of-nobody", AuthError),
        (b"", RejectedError),
        (b"\xff\0", RejectedError),
    ):
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, text)
        os.lseek(file, 0, os.SEEK_SET)
        with pytest.raises(error) as caught:
            await asked(backend, "exchange", "0000-0002-1825-0097", file)
        assert "of-nobody" not in str(caught.value)


@today
async def test_a_slip_of_the_hand_is_a_clear_error(backend: Drmaatic, emulated: Emulated) -> None:
    """Another run would be stopped, or a traceback be shown."""
    for verb in ("run", "status", "files", "stop", "delete", "own"):
        for word in ("abc", "", "../x", "٣", "9" * 500):
            with pytest.raises(RejectedError, match="RUN is the UUID of a run") as caught:
                await asked(backend, verb, word)
            assert caught.value.effect == "none"
    for verb, what in (("catalogue", "PAGE"), ("runs", "MOST"), ("credit", "AMOUNT")):
        with pytest.raises(RejectedError, match=f'{what} is a number from . on, not "x"'):
            await asked(backend, verb, "x")
    assert emulated.calls() == 0
