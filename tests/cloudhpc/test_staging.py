"""Inputs on their way to the service's storage: one archive, once."""

import base64
import io
import tarfile
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from orchestrator.backend import Begun, QuotaError, Run, Staged, StageStep, TransientError
from orchestrator.backends import http
from orchestrator.backends.cloudhpc import archive, storage
from orchestrator.backends.cloudhpc.layout import UPLOAD, folder
from orchestrator.backends.http import Use
from orchestrator.backends.http import sending as ground
from orchestrator.emulators import storage as emulated_storage
from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import CLEAR, PUT, calls_of, deliver, fetched, held_at, shell
from tests.emulated import Emulated, stopped

BODY = bytes(range(256)) * 1000
UPLOAD_URL = "POST /api/v2/storage/upload-url"
real_upload, real_packed = http.upload, archive.packed


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Write an input."""
    path = tmp_path / "in.dat"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def run(place: Place) -> Run:
    """Return a run with an input."""
    return place.run("1", place.bodies.copies("in.dat", "out.dat"))


@pytest.fixture
def step(place: Place, run: Run, source: Path) -> StageStep:
    """Return the step that brings it."""
    return place.step(run, "in.dat", source)


async def begun(place: Place, run: Run, step: StageStep) -> Run:
    """Take the act after which a memo is committed, and before which nothing is sent."""
    act = await place.backend.stage(run, step)
    assert isinstance(act, Begun)
    return replace(run, memo=act.memo)


async def done(place: Place, run: Run, step: StageStep) -> Run:
    """Take the last act."""
    act = await place.backend.stage(run, step)
    assert isinstance(act, Staged)
    return replace(run, memo=act.memo or run.memo)


async def there(place: Place, run: Run) -> dict[str, bytes]:
    """Return the inputs as they were brought over."""
    calls = calls_of(place)
    await storage.delete_cache(calls, Use.ASK)
    item = await storage.by_path(calls, f"{folder(run)}/{UPLOAD}", Use.ASK)
    assert item is not None
    packed = fetched(await storage.link(calls, item.id, Use.ASK))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        files = {entry.name: tar.extractfile(entry) for entry in tar}
        return {name: file.read() for name, file in files.items() if file}


def kept(place: Place) -> list[str]:
    """Return what is kept here of inputs."""
    return sorted(path.name for path in place.directory.glob("archives/*"))


async def test_twenty_inputs_take_one_upload(place: Place, emulated: Emulated) -> None:
    """An hour's calls would go for the inputs of two jobs."""
    body = shell("true")
    body.inputs |= {f"sub/{n}.dat": bytes([n]) * n for n in range(20)}
    run = await place.ready(place.run("1", body))
    assert (emulated.calls(PUT), emulated.calls(UPLOAD_URL)) == (1, 1)
    assert await there(place, run) == body.inputs


async def test_nothing_is_sent_before_the_memo_is_kept(
    place: Place, run: Run, step: StageStep, emulated: Emulated
) -> None:
    """After a crash nobody could tell whether what lies there is ours."""
    run = await begun(place, run, step)
    assert emulated.calls(PUT) == 0
    clears = emulated.calls(CLEAR)
    run = await done(place, run, step)
    assert (emulated.calls(PUT), emulated.calls(CLEAR) - clears) == (1, 1), "it is told so"
    await done(place, run, step)
    assert emulated.calls(PUT) == 1


async def test_a_daemon_killed_before_the_upload_sends_it(
    place: Place, run: Run, step: StageStep, emulated: Emulated
) -> None:
    """A run would be started with nothing in its folder."""
    run = await begun(place, run, step)
    await place.reopen()
    run = await done(place, run, step)
    assert emulated.calls(PUT) == 1
    assert (await there(place, run))["in.dat"] == BODY


async def test_a_daemon_killed_after_the_upload_does_not_send_again(
    place: Place, run: Run, step: StageStep, emulated: Emulated
) -> None:
    """Gigabytes would be sent again after each restart."""
    run = await begun(place, run, step)
    await done(place, run, step)  # its memo is lost with the process
    await place.reopen()
    await done(place, run, step)
    assert emulated.calls(PUT) == 1


async def test_what_is_there_is_not_sent_again(
    place: Place, run: Run, step: StageStep, emulated: Emulated
) -> None:
    """After every restart all inputs would be sent again."""
    run = await done(place, await begun(place, run, step), step)
    await place.reopen()
    calls = emulated.calls()
    await done(place, run, step)
    assert emulated.calls() - calls == 3, "what can be had is asked for, and nothing else"


async def test_a_call_that_is_held_after_the_upload_is_made_alone(
    place: Place, run: Run, step: StageStep, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an account of few calls a large archive would be sent over and over."""
    run = await begun(place, run, step)
    held_at(monkeypatch, storage, "delete_cache", 1)
    with pytest.raises(QuotaError):
        await place.backend.stage(run, step)
    await done(place, run, step)
    assert (emulated.calls(PUT), emulated.calls(UPLOAD_URL), emulated.calls(CLEAR)) == (1, 1, 1)


async def test_half_an_upload_counts_for_nothing(place: Place, run: Run, step: StageStep) -> None:
    """A run would compute from what another program left in its folder."""
    run = await begun(place, run, step)
    link = await storage.upload_url(calls_of(place), folder(run), UPLOAD, Use.ASK)
    deliver(link, b"half")
    await place.reopen()
    run = await done(place, run, step)
    assert (await there(place, run))["in.dat"] == BODY


@pytest.mark.parametrize("restart", [False, True])
async def test_a_lost_archive_is_packed_again(
    place: Place, run: Run, step: StageStep, emulated: Emulated, *, restart: bool
) -> None:
    """A job could never start because a file of our own is gone."""
    run = await begun(place, run, step)
    for path in place.directory.glob("archives/*"):
        path.unlink()
    if restart:
        await place.reopen()
    else:
        with pytest.raises(TransientError, match="packed anew") as caught:
            await place.backend.stage(run, step)
        assert caught.value.effect == "none"
    run = await done(place, run, step)
    assert (await there(place, run))["in.dat"] == BODY
    for path in place.directory.glob("archives/*"):
        path.unlink()
    await place.reopen()
    await done(place, run, step)
    assert emulated.calls(PUT) == 1, "the same inputs make the same archive"


async def test_inputs_that_changed_with_a_lost_archive_are_sent_again(
    place: Place, run: Run, step: StageStep, emulated: Emulated
) -> None:
    """A run would compute from an input that is not the one that is known of it."""
    run = await done(place, await begun(place, run, step), step)
    for path in place.directory.glob("archives/*"):
        path.unlink()
    step.source.write_bytes(BODY[::-1])
    await place.reopen()
    run = await done(place, await begun(place, run, step), step)
    assert emulated.calls(PUT) == 2
    assert (await there(place, run))["in.dat"] == BODY[::-1]


async def test_another_archive_of_the_same_size_is_not_believed(
    place: Place, run: Run, step: StageStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run would compute from an input of before, where the new one is packed as small."""
    monkeypatch.setattr(archive, "LEVEL", 0)
    run = await done(place, await begun(place, run, step), step)
    for path in place.directory.glob("archives/*"):
        path.unlink()
    step.source.write_bytes(BODY[::-1])
    await place.reopen()
    sent = run.memo["archive"]
    run = await begun(place, run, step)
    match sent, run.memo["archive"]:
        case {"size": before}, {"size": now}:
            assert before == now, "or it would be told apart by that"
    await place.reopen()  # a kill before it was sent
    run = await done(place, run, step)
    assert (await there(place, run))["in.dat"] == BODY[::-1]


async def test_an_address_that_died_is_asked_for_again(
    place: Place, run: Run, step: StageStep, emulated: Emulated
) -> None:
    """A job would end because its upload had to wait."""
    run = await begun(place, run, step)
    emulated.put("expired-urls,times=1,on=PUT *")
    with pytest.raises(TransientError, match="sent to a new one") as caught:
        await place.backend.stage(run, step)
    assert (type(caught.value), caught.value.effect) == (TransientError, "none")
    run = await done(place, run, step)
    assert (emulated.calls(UPLOAD_URL), emulated.calls(PUT)) == (2, 2)
    assert (await there(place, run))["in.dat"] == BODY


async def test_a_storage_that_took_other_bytes_is_not_believed(
    place: Place, run: Run, step: StageStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run would compute from inputs that were damaged on their way."""
    run = await begun(place, run, step)
    told = {"x-goog-hash": f"crc32c=AAAAAA==,md5={base64.b64encode(bytes(16)).decode()}"}
    with monkeypatch.context() as patch:
        patch.setattr(emulated_storage, "_digest", lambda *_: told)
        with pytest.raises(TransientError, match="took other bytes"):
            await place.backend.stage(run, step)
    run = await done(place, run, step)
    assert (await there(place, run))["in.dat"] == BODY


async def test_a_cancel_leaves_nothing_that_packs(
    place: Place, run: Run, step: StageStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled job would fill the disk for an hour."""
    packing, ended = anyio.Event(), threading.Event()
    failures: list[BaseException] = []

    def packed(
        path: Path, names: Collection[str], locate: Callable[[str], Path], stop: Callable[[], bool]
    ) -> archive.Archive:
        def asked() -> bool:
            anyio.from_thread.run_sync(packing.set)
            return stopped(stop)

        try:
            return real_packed(path, names, locate, asked)
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            ended.set()

    monkeypatch.setattr(archive, "packed", packed)
    async with anyio.create_task_group() as group:
        group.start_soon(place.backend.stage, run, step)
        await packing.wait()
        group.cancel_scope.cancel()
    assert await anyio.to_thread.run_sync(ended.wait, 20)
    assert "packing was given up" in str(failures[0])
    assert kept(place) == []


async def test_a_cancel_leaves_nothing_that_sends(
    place: Place,
    run: Run,
    step: StageStep,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cancelled job would fill the line for hours."""
    monkeypatch.setattr(archive, "LEVEL", 0)
    step.source.write_bytes(bytes(30 << 20))  # more than all buffers on the way hold
    run = await begun(place, run, step)
    sending, ended = anyio.Event(), threading.Event()
    failures: list[BaseException] = []

    def upload(*args: Any, stop: Callable[[], bool], **more: Any) -> str:
        blocks = count()

        def asked() -> bool:
            if next(blocks) == 1:
                anyio.from_thread.run_sync(sending.set)
                return stopped(stop)
            return stop()

        try:
            return real_upload(*args, stop=asked, **more)
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            ended.set()

    monkeypatch.setattr(ground, "upload", upload)
    async with anyio.create_task_group() as group:
        group.start_soon(place.backend.stage, run, step)
        await sending.wait()
        group.cancel_scope.cancel()
    assert await anyio.to_thread.run_sync(ended.wait, 20)
    assert "sending was given up" in str(failures[0])


async def test_a_thread_that_was_given_up_leaves_nothing(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive of a job that is gone would lie here for ever."""
    given_up = threading.Event()
    hashes = archive._hashes

    def hashed(path: Path) -> tuple[str, str]:
        given_up.set()  # a cancel, in the last moment, when all is packed
        return hashes(path)

    monkeypatch.setattr(archive, "_hashes", hashed)
    with pytest.raises(TransientError, match="given up"):
        archive.packed(
            tmp_path / "made" / "x.tar.gz", ["in.dat"], lambda _: source, given_up.is_set
        )
    assert list((tmp_path / "made").iterdir()) == []


async def test_what_is_kept_here_goes_with_the_run(place: Place, run: Run, step: StageStep) -> None:
    """Gigabytes of archives would pile up here."""
    other = await place.ready(place.run("2", shell("true")))
    run = await done(place, await begun(place, run, step), step)
    assert len(kept(place)) == 4
    await place.backend.forget(run)
    await place.backend.forget(run)
    assert kept(place) == [f"{other.key}.tar.gz", f"{other.key}.tar.gz.json"]
