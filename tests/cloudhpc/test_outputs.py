"""What a run left over there, on its way back."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from orchestrator.backend import Finished, Output, QuotaError, RejectedError, Run, TransientError
from orchestrator.backends.cloudhpc import outputs, storage
from orchestrator.backends.cloudhpc.layout import UPLOAD, folder
from orchestrator.backends.http import Use
from orchestrator.core.names import Foreign, is_safe, local_names
from orchestrator.core.spec import Outputs
from orchestrator.store.results import Announced, MismatchError, fetch
from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import AT, CLEAR, VIEW, Clock, calls_of, deliver, held_at, shell
from tests.emulated import Emulated

INDEX = f"GET {AT}/storage/index/{{field}}/{{direction}}/parent_id/{{id}}/{{page}}"
DOWNLOAD = f"GET {AT}/storage/download/{{id}}"
BODY = b"alpha\n"
A_FILE = "echo alpha > a"


async def ended(
    place: Place, script: str = A_FILE, cpu: int = 1, key: str = "1", **more: Any
) -> Run:
    """Run a script to its end."""
    run = await place.started(place.run(key, shell(script, cpu=cpu), **more))
    assert isinstance(await place.end(run), Finished)
    return run


async def names(place: Place, run: Run) -> set[str]:
    """List the names of the outputs."""
    return {one.name for one in await place.backend.list_outputs(run) if not one.log}


async def send(place: Place, path: str, body: bytes) -> None:
    """Put a file into the account's storage."""
    above, _, name = path.rpartition("/")
    deliver(await storage.upload_url(calls_of(place), above, name, Use.ASK), body)
    await storage.delete_cache(calls_of(place), Use.ASK)


async def one_output(place: Place, run: Run) -> Output:
    """Return the only output of a run."""
    [output] = [one for one in await place.backend.list_outputs(run) if not one.log]
    return output


async def start_of(place: Place, run: Run, output: Output, offset: int) -> tuple[int, bytes]:
    """Read an output; return where its bytes begin, and them."""

    def read() -> tuple[int, bytes]:
        with place.backend.open_output(run, output, offset) as stream:
            return stream.start, b"".join(stream.chunks)

    return await anyio.to_thread.run_sync(read)


async def test_all_that_the_run_left_is_listed_and_nothing_else(
    place: Place, emulated: Emulated
) -> None:
    """A result would lack files of later pages or of sub-folders, or hold our own inputs."""
    emulated.set(storage_page=3)
    script = "mkdir -p b/c; for i in 1 2 3 4 5 6 7; do echo $i > f$i; echo $i > b/c/g$i; done"
    run = await ended(place, f"{script}; echo > b/{UPLOAD}")
    wanted = {f"{path}{n}" for n in range(1, 8) for path in ("f", "b/c/g")}
    assert await names(place, run) == wanted | {f"b/{UPLOAD}"}
    sizes = {one.size for one in await place.backend.list_outputs(run) if one.name in wanted}
    assert sizes == {2}
    assert (await place.outputs(run))["b/c/g5"] == b"5\n"


async def test_a_listing_that_is_held_goes_on_where_it_was(
    place: Place, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an account of few calls no listing would come to its end."""
    emulated.set(storage_page=3)
    run = await ended(place, "for i in 1 2 3 4 5 6 7; do echo $i > f$i; done")
    held_at(monkeypatch, storage, "page", 3)
    with pytest.raises(QuotaError):
        await place.backend.list_outputs(run)
    before = emulated.calls()
    assert await names(place, run) == {f"f{n}" for n in range(1, 8)}
    assert emulated.calls() - before == 2, "the third page, and an empty one"


async def test_the_spec_chooses(place: Place) -> None:
    """Gigabytes would be fetched that nobody asked for."""
    chosen = Outputs(include=("f*",), exclude=("f2",))
    run = await ended(place, "for i in 1 2 3; do echo > f$i; done; echo > g", outputs=chosen)
    assert await names(place, run) == {"f1", "f3"}


async def test_what_was_there_before_the_run_is_not_its_own(
    place: Place, emulated: Emulated
) -> None:
    """The results of an earlier run in the folder would be published as this one's."""
    run = place.run("1", shell(A_FILE))
    await send(place, f"{folder(run)}/stale.dat", b"of before")
    emulated.pass_time(5)
    run = await place.started(run)
    await place.end(run)
    assert await names(place, run) == {"a"}


async def test_a_file_without_a_time_is_a_result(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result would be left behind where the service does not say when it came."""
    run = await ended(place)
    page = storage.page

    async def timeless(*args: Any, **more: Any) -> list[Any]:
        rows = await page(*args, **more)
        return [
            row if row.name.endswith(UPLOAD) else row.model_copy(update={"created": ""})
            for row in rows
        ]

    monkeypatch.setattr(storage, "page", timeless)
    assert await names(place, run) == {"a"}


@pytest.mark.usefixtures("clock")
async def test_the_cache_is_deleted_once_for_all_that_ended(
    place: Place, emulated: Emulated
) -> None:
    """A result would be what the service remembers; or every end cost a call more."""
    runs = [await place.started(place.run(str(n), shell(A_FILE))) for n in range(3)]
    for run in runs:
        assert await storage.by_path(calls_of(place), folder(run), Use.ASK) is not None
        top = await storage.by_path(calls_of(place), folder(run), Use.ASK)
        assert top is not None
        _ = [item async for item in storage.items(calls_of(place), Use.ASK, top.id)]
        assert isinstance(await place.end(run), Finished)
    before = emulated.calls(CLEAR)
    for run in runs:
        assert await names(place, run) == {"a"}
    assert emulated.calls(CLEAR) - before == 1


async def test_a_listing_is_kept_for_a_while(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """Each file of a large result would cost a listing."""
    run = await ended(place)
    await place.outputs(run)
    calls = emulated.calls(INDEX)
    await place.outputs(run)
    assert emulated.calls(INDEX) == calls
    clock.now += outputs.LISTED_LIVES + 1
    await place.outputs(run)
    assert emulated.calls(INDEX) > calls


async def test_an_empty_link_is_asked_for_again_without_a_listing(
    place: Place, emulated: Emulated
) -> None:
    """A result would never come, or cost all calls, where a link takes a while."""
    run = await ended(place)
    emulated.set(empty_links=2)
    emulated.put("error-before=404,on=GET */storage/download/*")
    output = await one_output(place, run)
    calls = emulated.calls(INDEX)
    for _ in range(2):
        with pytest.raises(TransientError, match="no address") as caught:
            await place.read(run, output)
        assert (caught.value.effect, caught.value.retry_after) == ("none", 2.0)
    assert await place.read(run, output) == BODY
    assert emulated.calls(INDEX) == calls


@pytest.mark.parametrize(
    "fault", ["download-shape=url", "download-shape=mediaLink", "download-shape=other", "html"]
)
async def test_a_link_comes_in_any_shape(place: Place, emulated: Emulated, fault: str) -> None:
    """No result could be fetched once the service wraps its links in another way."""
    run = await ended(place)
    emulated.set(empty_links=0)
    emulated.put(f"{fault},on=GET */storage/download/*")
    assert await place.read(run, await one_output(place, run)) == BODY


async def test_links_that_died_are_asked_for_again(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A slow harvest would fail for good where links live for minutes."""
    run = await ended(place)
    output = await one_output(place, run)
    emulated.put("expired-urls,times=1,on=GET *")
    with pytest.raises(TransientError, match="new address of 'a' was refused") as caught:
        await place.read(run, output)
    assert type(caught.value) is TransientError
    assert await place.read(run, output) == BODY
    calls = emulated.calls(DOWNLOAD)
    assert await place.read(run, output) == BODY
    assert emulated.calls(DOWNLOAD) == calls, "a link that is good is used again"
    emulated.pass_time(3600)
    assert await place.read(run, output) == BODY, "it died while we thought it good"
    assert emulated.calls(DOWNLOAD) == calls + 1
    clock.now += outputs.LINK_LIVES
    assert await place.read(run, output) == BODY
    assert emulated.calls(DOWNLOAD) == calls + 2, "an old one is not tried"


async def test_a_break_is_gone_on_from(place: Place) -> None:
    """A large output would begin anew at every break, or two versions of it be joined."""
    run = await ended(place)
    output = await one_output(place, run)
    assert await start_of(place, run, output, 2) == (0, BODY), "nothing is known of it yet"
    assert await start_of(place, run, output, 2) == (2, BODY[2:])
    await place.reopen()
    assert await start_of(place, run, output, 2) == (0, BODY), "nothing is known any more"
    await send(place, f"{folder(run)}/a", b"OTHER\n")
    assert await start_of(place, run, output, 2) == (0, b"OTHER\n"), "another version"


async def test_the_md5_is_told_on_opening(place: Place) -> None:
    """What was fetched before a break and after could not be held against the whole."""
    run = await ended(place)
    output = await one_output(place, run)

    def md5(offset: int) -> str | None:
        with place.backend.open_output(run, output, offset) as stream:
            return stream.md5

    told = [await anyio.to_thread.run_sync(md5, offset) for offset in (0, 2)]
    assert told == ["9f9f90dbe3e5ee1218c86b8839db1995"] * 2


@pytest.mark.parametrize("fault", ["wrong-bytes", "short-length"])
async def test_wrong_bytes_are_noticed(
    place: Place, emulated: Emulated, tmp_path: Path, fault: str
) -> None:
    """A result that was damaged on its way would be published."""
    run = await ended(place)
    output = await one_output(place, run)
    emulated.put(f"{fault},times=1,on=GET /s3/*")

    def take() -> str:
        announced = Announced(output.size, output.sha256, output.md5, md5_to_come=True)
        open_at = partial(place.backend.open_output, run, output)
        return fetch(tmp_path, "a", open_at, announced, stop=lambda: False, keep_free=0).name

    with pytest.raises((MismatchError, TransientError)):
        await anyio.to_thread.run_sync(take)
    assert await anyio.to_thread.run_sync(take) == "a"


async def test_hostile_names_come_as_text_and_are_made_safe(
    place: Place, emulated: Emulated
) -> None:
    """A service could write anywhere on this machine."""
    run = await ended(place)
    emulated.put("hostile-names")
    found = [one for one in await place.backend.list_outputs(run) if not one.log]
    assert {"a", "escaped", "absolute", "new\nline", "nul\0byte"} <= {one.name for one in found}
    local = local_names([Foreign(one.name) for one in found])
    assert all(is_safe(name) for name in local)
    assert len(set(local)) == len(found)
    for one in found:
        assert await place.read(run, one) == BODY, one.name


async def test_results_that_come_late_are_waited_for(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A result would be published without what the service listed a moment later."""
    run = await ended(place)
    emulated.put("late-results=600")
    with pytest.raises(TransientError, match="no result yet") as caught:
        await place.backend.list_outputs(run)
    assert (caught.value.effect, caught.value.retry_after) == ("none", 60.0)
    emulated.put()
    clock.now += 60
    assert await names(place, run) == {"a"}


async def test_a_run_that_left_nothing_is_looked_at_twice(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A job without results would be harvested for ever; or one with late ones lose them."""
    run = await ended(place, "true")
    before = emulated.calls(CLEAR)
    with pytest.raises(TransientError, match="looked at again"):
        await place.backend.list_outputs(run)
    clock.now += 60
    assert await names(place, run) == set()
    assert emulated.calls(CLEAR) - before == 2, "each look must be fresh"


async def test_what_the_spec_asks_for_is_looked_for_twice(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """Results that come one after another would be taken when only the first was there."""
    wanted = Outputs(include=("note", "*.dat"))
    run = await ended(place, "echo 1 > note", outputs=wanted)
    with pytest.raises(TransientError, match=r"no \*\.dat yet"):
        await place.backend.list_outputs(run)
    before = emulated.calls(CLEAR)
    clock.now += 60
    assert await names(place, run) == {"note"}
    assert emulated.calls(CLEAR) - before == 1, "the look must be fresh"
    whole = await ended(place, "echo 1 > note; echo 2 > a.dat", key="2", outputs=wanted)
    assert await names(place, whole) == {"note", "a.dat"}


async def test_the_record_tells_what_a_run_cost(place: Place, emulated: Emulated) -> None:
    """Nobody could say later what a result had cost, or what the solver said."""
    run = await ended(place, f"{A_FILE}; echo said", cpu=224)
    logs = await place.outputs(run, log=True)
    assert set(logs) == {"simulation.json", "output.log", "logs.log"}
    told = json.loads(logs["simulation.json"])
    assert (str(told["id"]), told["status"], told["folder"]) == (run.remote_id, 10, folder(run))
    assert (told["cpu"], told["script"]) == (224, "custom-script-u24")
    assert told["cost"] > 0
    assert told["cpu_hrs"] > 0
    assert not {"output", "logs", "vnc_url"} & set(told), "the last is a key to the machine"
    assert logs["output.log"] == b"said\n"
    assert b"results uploaded" in logs["logs.log"]
    assert emulated.calls(VIEW) == 1
    await place.reopen()
    assert await place.outputs(run, log=True) == logs


async def test_a_look_at_a_live_run_asks_for_its_record_once(
    place: Place, emulated: Emulated
) -> None:
    """A look would take two or three calls more, and say that a file of it changes."""
    run = replace(await place.started(place.run("1", place.bodies.sleeps)), live=True)
    for looks in (1, 2):
        logs = [one for one in await place.backend.list_outputs(run) if one.log]
        assert "simulation.json" in {one.name for one in logs}
        for one in logs:
            assert len(await place.read(run, one)) == one.size
        assert emulated.calls(VIEW) == looks, "each look is at what the run is then"


async def test_a_maze_of_folders_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run with a thousand folders would use up an account's calls."""
    monkeypatch.setattr(outputs, "MOST_FOLDERS", 3)
    run = await ended(place, "mkdir 1 2 3 4; for i in 1 2 3 4; do echo > $i/a; done")
    with pytest.raises(RejectedError, match="over 3 folders"):
        await place.backend.list_outputs(run)


async def test_the_outputs_of_what_is_unknown_are_no_empty_result(place: Place) -> None:
    """A job would be published without results for an id that the service does not know."""
    run = replace(place.run("1", {**place.bodies.sleeps}), remote_id="999")
    with pytest.raises(TransientError, match="technical problem"):
        await place.backend.list_outputs(run)
