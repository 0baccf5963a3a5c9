"""Inputs on their way to the service's storage."""

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from orchestrator.backend import Begun, Run, Staged, StageStep, TransientError
from orchestrator.backends import http
from orchestrator.backends.http import Use
from orchestrator.backends.http import sending as ground
from orchestrator.backends.thecrossproduct import data, staging
from orchestrator.backends.thecrossproduct.layout import input_uri
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.emulators.thecrossproduct import uploads
from orchestrator.testing.contract import Place
from tests.emulated import Emulated, stopped
from tests.thecrossproduct.conftest import PUT, fetched, session_of

PART = 64 << 10
BEGIN = "POST /v1/data/upload/multipart"
ABORT = "POST /v1/data/upload/multipart/abort"
BODY = bytes(range(256)) * 1000  # four parts, the last one shorter
PARTS = -(-len(BODY) // PART)
real = http.upload


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An input."""
    path = tmp_path / "in.dat"
    path.write_bytes(BODY)
    return path


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every file go in small parts."""
    monkeypatch.setattr(staging, "IN_ONE_GO", 0)
    monkeypatch.setattr(uploads, "PART", PART)


def write(path: Path, body: bytes) -> None:
    """Change an input."""
    path.write_bytes(body)


@pytest.fixture
def run(place: Place) -> Run:
    """A run with an input."""
    return place.run("1", place.bodies.copies("in.dat", "out.dat"))


async def there(place: Place, run: Run) -> bytes:
    """Return the input as it was brought over."""
    uri = input_uri("orchestrator", run, "in.dat")
    return fetched(await data.download_link(session_of(place), uri, Use.ASK))


async def begun(place: Place, run: Run, source: Path) -> Run:
    """Take the act that begins an upload in parts."""
    act = await place.backend.stage(run, StageStep("in.dat", source))
    assert isinstance(act, Begun)
    return replace(run, memo=act.memo)


async def test_a_small_file_goes_in_one_go(
    place: Place, run: Run, source: Path, emulated: Emulated
) -> None:
    """Every small input would take the calls of a large one."""
    _, staged = await place.staged(run, "in.dat", source)
    assert staged.size == len(BODY)
    assert (emulated.calls(PUT), emulated.calls(BEGIN)) == (1, 0)
    assert await there(place, run) == BODY


async def test_an_empty_file_goes_over(place: Place, run: Run, source: Path) -> None:
    """A job with an empty input could never start."""
    write(source, b"")
    _, staged = await place.staged(run, "in.dat", source)
    assert staged.size == 0
    assert await there(place, run) == b""


@pytest.mark.usefixtures("in_parts")
async def test_parts_go_side_by_side_and_are_joined(
    place: Place,
    run: Run,
    source: Path,
    *,
    emulated: Emulated,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A large input would be damaged, or take four times as long."""
    together = threading.Barrier(PARTS)

    def upload(*args: Any, **more: Any) -> str:
        together.wait(20)  # nobody passes unless all parts are on their way
        return real(*args, **more)

    monkeypatch.setattr(ground, "upload", upload)
    await place.staged(run, "in.dat", source)
    assert (emulated.calls(PUT), emulated.calls(BEGIN)) == (PARTS, 1)
    assert await there(place, run) == BODY


@pytest.mark.usefixtures("in_parts")
async def test_a_long_way_is_many_acts(
    place: Place, run: Run, source: Path, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancel would not be noticed before a large input is over there, hours later."""
    clock = count(0.0, staging.ACT * 0.9)  # every look at it comes so much later
    monkeypatch.setattr(staging, "monotonic", lambda: next(clock))
    monkeypatch.setattr(staging, "AT_ONCE", 1)
    acts = 0
    while isinstance(act := await place.backend.stage(run, StageStep("in.dat", source)), Begun):
        run, acts = replace(run, memo=act.memo), acts + 1
    assert acts == PARTS, "one that begins it, and one for each part but the last"
    assert emulated.calls(PUT) == PARTS, "no part is sent again"
    assert emulated.calls(BEGIN) == 1


@pytest.mark.usefixtures("in_parts")
async def test_a_part_that_failed_is_sent_alone(
    place: Place, run: Run, source: Path, emulated: Emulated
) -> None:
    """One broken connection would cost the whole of a large input."""
    run = await begun(place, run, source)
    emulated.put("error-before=503,times=1,skip=3,on=PUT *")
    with pytest.raises(TransientError):
        await place.backend.stage(run, StageStep("in.dat", source))
    before = emulated.calls(PUT)
    await place.staged(run, "in.dat", source)
    assert emulated.calls(PUT) < before + PARTS
    assert emulated.calls(BEGIN) == 1
    assert await there(place, run) == BODY


@pytest.mark.usefixtures("in_parts")
async def test_a_new_process_aborts_the_upload_before(
    place: Place, run: Run, source: Path, emulated: Emulated
) -> None:
    """Parts of an upload that nobody goes on with would be kept, and paid, for ever."""
    run = await begun(place, run, source)
    await place.reopen()
    again = await begun(place, run, source)
    assert again.memo != run.memo
    assert emulated.calls(ABORT) == 1
    await place.staged(again, "in.dat", source)
    assert emulated.calls(ABORT) == 1
    assert emulated.calls(BEGIN) == 2
    assert await there(place, run) == BODY


@pytest.mark.usefixtures("in_parts")
async def test_what_is_there_is_not_sent_again(
    place: Place, run: Run, source: Path, emulated: Emulated
) -> None:
    """After every restart all inputs would be sent again."""
    await place.staged(run, "in.dat", source)
    sent = emulated.calls(PUT)
    await place.staged(run, "in.dat", source)
    await place.reopen()
    await place.staged(run, "in.dat", source)
    assert emulated.calls(PUT) == sent


@pytest.mark.usefixtures("in_parts")
async def test_dead_links_make_it_begin_anew(
    place: Place, run: Run, source: Path, emulated: Emulated
) -> None:
    """An upload whose links died over a weekend could never be finished."""
    emulated.put("expired-urls,times=1,on=PUT *")
    run = await begun(place, run, source)
    other = replace(run, key=f"{run.key}-other", memo={})
    other = await begun(place, other, source)
    with pytest.raises(TransientError, match="begins anew") as caught:
        await place.backend.stage(run, StageStep("in.dat", source))
    assert caught.value.effect == "none"
    await place.staged(run, "in.dat", source)
    assert (emulated.calls(ABORT), emulated.calls(BEGIN)) == (1, 3)
    assert await there(place, run) == BODY
    await place.staged(other, "in.dat", source)
    assert emulated.calls(BEGIN) == 3, "the other upload had good links, and goes on"


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("sent", [False, True])
async def test_an_upload_that_somebody_aborted_begins_anew(
    place: Place, run: Run, source: Path, emulated: Emulated, *, sent: bool
) -> None:
    """A job would fail because its upload was cleaned away over there."""
    run = await begun(place, run, source)
    if sent:
        emulated.put("error-before=502,times=1,on=*multipart/complete")
        with pytest.raises(TransientError):
            await place.backend.stage(run, StageStep("in.dat", source))
    match run.memo["upload"]:
        case {"uri": str(uri), "id": str(id_)}:
            await data.abort_parts(session_of(place), uri, id_)
    with pytest.raises(TransientError, match="begins anew"):
        await place.backend.stage(run, StageStep("in.dat", source))
    await place.staged(run, "in.dat", source)
    assert await there(place, run) == BODY


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("fault", ["error-after=502", "error-before=502", "drop-after"])
async def test_a_completion_without_an_answer_is_looked_for(
    place: Place, run: Run, source: Path, *, emulated: Emulated, fault: str
) -> None:
    """A job would fail, or a large input be sent twice, for one lost answer."""
    run = await begun(place, run, source)
    emulated.put(f"{fault},times=1,on=*multipart/complete")
    with pytest.raises(TransientError):
        await place.backend.stage(run, StageStep("in.dat", source))
    await place.staged(run, "in.dat", source)
    assert emulated.calls(PUT) == PARTS
    assert await there(place, run) == BODY


@pytest.mark.parametrize("parts", [False, True])
async def test_a_file_that_is_not_shown_as_it_was_sent_is_not_there(
    place: Place, run: Run, source: Path, monkeypatch: pytest.MonkeyPatch, *, parts: bool
) -> None:
    """A run would compute from an input that was damaged on its way."""
    if parts:
        monkeypatch.setattr(staging, "IN_ONE_GO", 0)
    name = "end_parts" if parts else "end_upload"
    end, damaged = getattr(data, name), [True]

    async def counted_over_there(*args: Any) -> None:
        *others, md5 = args
        await end(*others, "0" * 32 if damaged[0] else md5)

    monkeypatch.setattr(data, name, counted_over_there)
    step = StageStep("in.dat", source)
    if parts:
        run = await begun(place, run, source)
    for _ in range(2):
        with pytest.raises(TransientError, match="does not show"):
            await place.backend.stage(run, step)
        if parts:
            run = await begun(place, run, source)
    damaged[0] = False
    _, staged = await place.staged(run, "in.dat", source)
    assert isinstance(staged, Staged)


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("change", [BODY[::-1], BODY[:-1]])
async def test_a_file_that_changes_while_it_is_sent_is_never_completed(
    place: Place,
    run: Run,
    source: Path,
    *,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    change: bytes,
    parts: bool,
) -> None:
    """Bytes of two versions would be joined, and taken for the first when it is put back."""
    if parts:
        monkeypatch.setattr(staging, "IN_ONE_GO", 0)
        run = await begun(place, run, source)

    def upload(*args: Any, **more: Any) -> str:
        source.write_bytes(change)
        return real(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(ground, "upload", upload)
        with pytest.raises(TransientError, match="begins anew"):
            await place.backend.stage(run, StageStep("in.dat", source))
    uri = input_uri("orchestrator", run, "in.dat")
    assert not await data.exists(session, uri, Use.ASK)
    await place.staged(run, "in.dat", source)
    assert await there(place, run) == change


async def test_a_cancel_leaves_nothing_that_sends(
    place: Place, run: Run, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cancelled job would fill the line for hours."""
    write(source, bytes(30 << 20))  # more than all buffers on the way hold
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
            return real(*args, stop=asked, **more)
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            ended.set()

    monkeypatch.setattr(ground, "upload", upload)
    async with anyio.create_task_group() as group:
        group.start_soon(place.backend.stage, run, StageStep("in.dat", source))
        await sending.wait()
        group.cancel_scope.cancel()
    assert await anyio.to_thread.run_sync(ended.wait, 20)
    assert "given up" in str(failures[0])


@pytest.mark.usefixtures("in_parts")
async def test_parts_that_do_not_fit_are_refused(
    place: Place, run: Run, source: Path, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file would be cut where the service counts otherwise than we do."""
    begin = data.begin_parts

    async def wrong(session: Session, uri: str, size: int) -> Any:
        reply = await begin(session, uri, size)
        return reply.model_copy(update={"part_size": reply.part_size * 2})

    monkeypatch.setattr(data, "begin_parts", wrong)
    with pytest.raises(Exception, match=f"wants {PARTS} parts"):
        await place.backend.stage(run, StageStep("in.dat", source))
    assert emulated.calls(ABORT) == 1
