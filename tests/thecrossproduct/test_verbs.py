"""`orchestrator remote NAME VERB`: each verb once, with its effect over there."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from orchestrator.backend import BackendError, RejectedError, TransientError
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import KIND, apps, data, staging, storing
from orchestrator.backends.thecrossproduct.backend import TheCrossProduct
from orchestrator.backends.thecrossproduct.verbs import VERBS
from orchestrator.testing.contract import Place, open_place
from tests import verbs
from tests.emulated import Emulated
from tests.thecrossproduct.conftest import BODIES, LOGIN, PUT, Send, shell, until

asked, rows = partial(verbs.asked, VERBS), partial(verbs.rows, VERBS)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """An open file of the person's."""
    fd = os.open(tmp_path / "mine", os.O_RDWR | os.O_CREAT, 0o600)
    yield fd
    os.close(fd)


async def test_the_account_is_told(backend: TheCrossProduct, emulated: Emulated) -> None:
    """A person could not see whose account it is and what it may run."""
    whoami, token = await asked(backend, "whoami"), await asked(backend, "token")
    assert isinstance(whoami, dict)
    assert isinstance(token, dict)
    assert (whoami["mail"], token["user_id"]) == (emulated.options.mail, whoami["id"])
    licences = await rows(backend, "licences")
    assert len(licences) == 3
    assert await asked(backend, "licence", licences[0]["token"]) == licences[0]
    assert {"endpoint": "/app", "methods": ["GET"]} in await rows(backend, "routes")


async def test_apps_are_told(backend: TheCrossProduct) -> None:
    """A person could not write a job file."""
    named = [row["app"] for row in await rows(backend, "apps")]
    assert named == sorted(named)
    assert "sncf_reseau/railway_track_regression" in named
    described = await rows(backend, "describe", "sncf_reseau/railway_track_regression")
    told = {row["input"]: (row["type"], row["needed"]) for row in described}
    assert told == {"rails": ("string", True), "degree": ("integer", False)}
    assert "Says hello" in str(await asked(backend, "about", "test/helloworld"))


async def test_runs_are_told_and_stopped(
    backend: TheCrossProduct, place: Place, emulated: Emulated
) -> None:
    """A person could not look at a run that is in doubt, nor stop one."""
    done = await place.started(place.run("1", shell("echo 1 > a")))
    await place.end(done)
    lives = await place.started(place.run("2", place.bodies.sleeps))
    listed = {row["id"]: row for row in await rows(backend, "runs")}
    assert set(listed) == {done.remote_id, lives.remote_id}
    assert listed[done.remote_id]["app"] == "emulator/shell"
    assert listed[done.remote_id]["tags"] == done.key
    one = await asked(backend, "run", done.remote_id)
    assert isinstance(one, dict)
    assert (one["state"], one["cost"]) == ("dead", 0.001)
    [output] = await rows(backend, "outputs", done.remote_id)
    assert output == {"output": f"orchestrator/{done.key}/out/a"}
    await asked(backend, "stop", lives.remote_id)
    assert emulated.told()["live"] == []
    assert len(await rows(backend, "runs")) == 2, "its record is kept"
    await asked(backend, "erase", lives.remote_id)
    assert [row["id"] for row in await rows(backend, "runs")] == [done.remote_id]
    for verb in ("run", "stop", "erase"):
        with pytest.raises(RejectedError, match="there is no process"):
            await asked(backend, verb, lives.remote_id)


async def test_all_runs_are_stopped(
    backend: TheCrossProduct, place: Place, emulated: Emulated
) -> None:
    """A person could not stop what costs money, or would lose the records with it."""
    runs = [await place.started(place.run(str(n), place.bodies.sleeps)) for n in range(2)]
    await asked(backend, "stop-all")
    assert emulated.told()["live"] == []
    for run in runs:
        process = await apps.process(backend.session, str(run.remote_id), Use.ASK)
        assert process is not None
        assert process.state == "dead"


async def test_sessions_are_ended(backend: TheCrossProduct, emulated: Emulated) -> None:
    """A person could not lock out who has a token of the account."""
    await asked(backend, "whoami")
    await asked(backend, "end-sessions")
    await asked(backend, "whoami")
    assert emulated.calls("DELETE /v1/auth/tokens") == 1
    assert emulated.calls(LOGIN) == 2


async def test_a_reset_shows_no_link(backend: TheCrossProduct, emulated: Emulated) -> None:
    """The link that changes the password would stand in a terminal, and in its history."""
    said = str(await asked(backend, "reset-password", emulated.options.mail))
    assert emulated.options.mail in said
    assert "http" not in said


async def test_a_file_goes_there_and_back(
    backend: TheCrossProduct, file: int, emulated: Emulated
) -> None:
    """A person could not move files, or would write over what is there."""
    os.write(file, b"12345")
    told = await asked(backend, "put", "box/a.dat", file)
    assert isinstance(told, dict)
    assert told["size"] == 5
    with pytest.raises(RejectedError, match="already"):
        await asked(backend, "put", "box/a.dat", file)
    assert emulated.calls(PUT) == 1
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    await asked(backend, "get", "box/a.dat", file)
    assert os.pread(file, 100, 0) == b"12345"
    with pytest.raises(RejectedError, match="there is no file box/a"):
        await asked(backend, "get", "box/a", file)


async def test_files_are_listed_copied_moved_and_removed(
    backend: TheCrossProduct, send: Send
) -> None:
    """A person could not tidy up his storage."""
    await send("a.dat", b"1")
    await asked(backend, "mkdir", "box")
    assert [row["name"] for row in await rows(backend, "ls")] == ["box/", "a.dat"]
    [_, a] = await rows(backend, "ls")
    assert (a["size"], a["changed"] is not None) == (1, True)

    async def are(*names: str) -> bool:
        return [row["name"] for row in await rows(backend, "ls", "box")] == ["box/", *names]

    await asked(backend, "cp", "a.dat", "box/b.dat")
    await until(lambda: are("box/b.dat"))
    await asked(backend, "mv", "a.dat", "box/c.dat")
    await until(lambda: are("box/b.dat", "box/c.dat"))
    await asked(backend, "rm", "box/b.dat")
    await until(lambda: are("box/c.dat"))
    assert [row["name"] for row in await rows(backend, "ls")] == ["box/"]


@pytest.mark.parametrize("fault", ["wrong-bytes", "short-length"])
async def test_a_damaged_download_is_noticed(
    backend: TheCrossProduct, send: Send, file: int, emulated: Emulated, fault: str
) -> None:
    """A person would be given a file that is not what lies there."""
    await send("a.dat", b"12345")
    emulated.put(f"{fault},on=GET /s3/*")
    with pytest.raises(TransientError, match="came damaged"):
        await asked(backend, "get", "a.dat", file)


async def test_a_put_that_fails_leaves_no_upload(
    backend: TheCrossProduct, file: int, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of an upload that nobody goes on with would be kept, and paid, for ever."""
    monkeypatch.setattr(staging, "IN_ONE_GO", 0)
    os.write(file, b"12345")
    emulated.put("error-before=503,on=PUT *")
    with pytest.raises(BackendError):
        await asked(backend, "put", "a.dat", file)
    assert emulated.calls("POST /v1/data/upload/multipart/abort") == 1
    assert not await data.exists(backend.session, "a.dat", Use.ASK)


def test_what_destroys_is_asked_about_first() -> None:
    """A slip of the hand would erase what a job needs."""
    warned = {name for name, verb in VERBS.items() if verb.warning}
    assert warned == {"rm", "erase", "stop-all", "end-sessions"}
    files = {name: verb.file for name, verb in VERBS.items() if verb.file}
    assert files == {"get": "to here", "put": "from here"}
    assert KIND.verbs() is VERBS
    assert storing.get is VERBS["get"].call


async def test_doctor_tells_how_it_is(
    backend: TheCrossProduct, emulated: Emulated, tmp_path: Path
) -> None:
    """A person would find out only by a job that does not start."""
    assert KIND.examine is not None
    [line] = await KIND.examine(backend)
    assert (line.level, line.text) == ("ok", "logged in; 3 apps can be run")
    emulated.put("token-uses=9")
    await asked(backend, "end-sessions")
    texts = [line.text for line in await KIND.examine(backend)]
    assert texts[1:] == ["the login has been used 3 of 9 times"]
    wrong = replace(emulated, secrets=dict.fromkeys(emulated.secrets, "wrong"))
    async with open_place(
        KIND, wrong.options, tmp_path / "other", BODIES, secrets=wrong.secrets
    ) as place:
        [line] = await KIND.examine(place.backend)
    assert line.level == "problem"
    assert "Invalid credentials" in line.text
