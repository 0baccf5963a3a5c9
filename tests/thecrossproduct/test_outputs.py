"""What a run left over there, on its way back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from orchestrator.backend import Output, Run, TransientError
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import apps, outputs
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.core.names import Foreign, is_safe, local_names
from orchestrator.core.spec import Outputs
from orchestrator.emulators.thecrossproduct.outputs import HOSTILE
from orchestrator.store.results import Announced, MismatchError, fetch
from orchestrator.testing.contract import Place
from tests.emulated import Emulated
from tests.thecrossproduct.conftest import Send, md5_of, shell

DOWNLOAD = "POST /v1/data/download"
BODY = b"alpha\n"


class Clock:
    """The time that `outputs` sees."""

    now = 1000.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock of `outputs`; listings must be a second apart again."""
    clock = Clock()
    monkeypatch.setattr(outputs, "monotonic", clock)
    monkeypatch.setattr(outputs, "SETTLED", 1.0)
    return clock


async def ended(place: Place, script: str, **more: Any) -> Run:
    """Run a script to its end."""
    run = await place.started(place.run("1", shell(script), **more))
    await place.end(run)
    return run


async def names(place: Place, run: Run) -> set[str]:
    """List the names of the outputs."""
    return {one.name for one in await place.backend.list_outputs(run) if not one.log}


async def start_of(place: Place, run: Run, output: Output, offset: int) -> tuple[int, bytes]:
    """Read an output; return where its bytes begin, and them."""

    def read() -> tuple[int, bytes]:
        with place.backend.open_output(run, output, offset) as stream:
            return stream.start, b"".join(stream.chunks)

    return await anyio.to_thread.run_sync(read)


async def one_output(place: Place, run: Run) -> Output:
    """Return the only output of a run."""
    [output] = [one for one in await place.backend.list_outputs(run) if not one.log]
    return output


async def test_two_listings_a_second_apart_must_agree(place: Place, clock: Clock) -> None:
    """The first listing may only have the service look: a result would lack files."""
    run = await ended(place, "echo alpha > a")
    for _ in range(2):
        with pytest.raises(TransientError, match="second look") as caught:
            await place.backend.list_outputs(run)
        assert (caught.value.effect, caught.value.retry_after) == ("none", 1.0)
    clock.now += 1.0
    assert await names(place, run) == {"a"}


async def test_outputs_that_come_late_are_waited_for(
    place: Place, clock: Clock, emulated: Emulated
) -> None:
    """A result would be published without what the service listed a moment later."""
    run = await ended(place, "echo alpha > a")
    emulated.put("late-outputs=1")
    for _ in range(2):  # nothing, then what there is: they do not agree
        with pytest.raises(TransientError):
            await place.backend.list_outputs(run)
        clock.now += 1.0
    assert await names(place, run) == {"a"}


async def test_a_look_at_a_live_run_says_nothing_of_its_end(place: Place, clock: Clock) -> None:
    """What was seen while it ran would count as the first of two listings: files would lack."""
    run = await ended(place, "echo alpha > a")
    live = replace(run, live=True)
    for _ in range(2):  # at once, without a second look
        assert await names(place, live) == {"a"}
        assert await place.read(live, await one_output(place, live)) == BODY
        clock.now += 100.0
    with pytest.raises(TransientError, match="second look"):
        await place.backend.list_outputs(run)


async def test_a_part_is_not_gone_on_with_by_what_a_look_has_seen(place: Place, send: Send) -> None:
    """Two versions of one output would be joined: the look has seen the newer one."""
    run = await ended(place, "true")
    await send(f"orchestrator/{run.key}/out/a", BODY)
    output = replace(await one_output(place, run), md5=None)
    assert await start_of(place, run, output, 0) == (0, BODY)
    await send(f"orchestrator/{run.key}/out/a", b"OTHER\n")
    assert await place.read(replace(run, live=True), output) == b"OTHER\n"
    assert await start_of(place, run, output, 2) == (0, b"OTHER\n"), "another version"


async def test_what_is_stored_counts_where_the_list_lacks_it(
    place: Place, emulated: Emulated
) -> None:
    """A list that stays empty would be published as a result without files."""
    run = await ended(place, "echo alpha > a")
    emulated.put("late-outputs=99")
    assert await names(place, run) == {"a"}
    assert await place.read(run, await one_output(place, run)) == BODY


async def test_all_pages_are_read_and_the_spec_chooses(place: Place, emulated: Emulated) -> None:
    """A result would hold the first hundred files only."""
    chosen = Outputs(include=("f*.txt",), exclude=("f7.txt",))
    script = "for i in $(seq 105); do echo > f$i.txt; done; echo > other"
    run = await ended(place, script, outputs=chosen)
    assert await names(place, run) == {f"f{n}.txt" for n in range(1, 106) if n != 7}
    assert emulated.calls("GET /v1/app/process/outputs/{process_id}/next/{token}") == 1
    assert emulated.calls("GET /v1/data/next/{token}") == 1


async def test_hostile_names_come_as_text_and_are_made_safe(
    place: Place, emulated: Emulated
) -> None:
    """A service could write anywhere on this machine."""
    run = await ended(place, "echo alpha > a")
    emulated.put("hostile-names")
    listed = [one for one in await place.backend.list_outputs(run) if not one.log]
    assert {one.name for one in listed} == {"a", *HOSTILE}
    local = local_names([Foreign(one.name) for one in listed])
    assert all(is_safe(name) for name in local)
    assert len(set(local)) == len(listed)
    for one in listed:
        assert await place.read(run, one) == BODY, one.name


async def test_links_that_died_are_asked_for_again(place: Place, emulated: Emulated) -> None:
    """A slow harvest would fail for good where links live for minutes."""
    run = await ended(place, "echo alpha > a")
    emulated.put("expired-urls,times=1,on=GET *")
    output = await one_output(place, run)
    assert await place.read(run, output) == BODY
    assert emulated.calls(DOWNLOAD) == 1
    emulated.put("expired-urls,on=GET *")
    await place.backend.list_outputs(run)
    with pytest.raises(TransientError, match="new link to 'a' was refused"):
        await place.read(run, output)


async def test_old_links_are_not_tried(place: Place, clock: Clock, emulated: Emulated) -> None:
    """Every file of a large result would cost one refused call."""
    run = await ended(place, "echo alpha > a")
    with pytest.raises(TransientError):
        await place.backend.list_outputs(run)
    clock.now += 1.0
    output = await one_output(place, run)
    assert await place.read(run, output) == BODY
    assert emulated.calls(DOWNLOAD) == 0
    clock.now += outputs.LINK_LIVES
    assert await place.read(run, output) == BODY
    assert emulated.calls(DOWNLOAD) == 1


@pytest.mark.parametrize("right", [False, True])
async def test_a_wrong_md5_is_noticed(
    place: Place, send: Send, tmp_path: Path, *, right: bool
) -> None:
    """A result that was damaged on its way would be published."""
    run = await ended(place, "true")
    await send(f"orchestrator/{run.key}/out/a", BODY, md5_of(BODY if right else b"other"))
    output = await one_output(place, run)
    assert output.md5 is not None
    assert output.size == len(BODY)

    def take() -> str:
        announced = Announced(output.size, output.sha256, output.md5)
        open_at = partial(place.backend.open_output, run, output)
        return fetch(tmp_path, "a", open_at, announced, stop=lambda: False, keep_free=0).name

    if right:
        assert await anyio.to_thread.run_sync(take) == "a"
    else:
        with pytest.raises(MismatchError):
            await anyio.to_thread.run_sync(take)


async def test_a_break_is_gone_on_from(place: Place, send: Send) -> None:
    """A large output would begin anew at every break, or two versions of it would be joined."""
    run = await ended(place, "echo alpha > a")
    vouched = await one_output(place, run)
    await place.reopen()  # a daemon that was killed in the middle goes on by the MD5
    assert await start_of(place, run, vouched, 2) == (2, BODY[2:])
    await place.reopen()
    unknown = replace(vouched, md5=None)
    assert await start_of(place, run, unknown, 2) == (0, BODY), "nothing is known of it yet"
    assert await start_of(place, run, unknown, 2) == (2, BODY[2:])
    await place.reopen()
    assert await start_of(place, run, unknown, 2) == (0, BODY), "nothing is known any more"
    await send(f"orchestrator/{run.key}/out/a", b"OTHER\n")
    assert await start_of(place, run, unknown, 2) == (0, b"OTHER\n"), "another version"
    await place.reopen()
    assert await start_of(place, run, vouched, 2) == (0, b"OTHER\n"), "not what was vouched for"


async def record(place: Place, run: Run) -> Mapping[str, Any]:
    """Read process.json."""
    logs = await place.outputs(run, log=True)
    assert set(logs) == {"process.json"}
    found: Mapping[str, Any] = json.loads(logs["process.json"])
    return found


async def test_the_record_tells_what_a_run_cost(
    place: Place, session: Session, emulated: Emulated
) -> None:
    """Nobody could say later what a result had cost; or a result would be lost for its record."""
    run = await ended(place, "echo alpha > a")
    told = await record(place, run)
    assert (told["id"], told["state"], told["quote"], told["cost"]) == (
        run.remote_id, "dead", 0.001, 0.001,
    )  # fmt: skip
    assert run.key in told["tags"]
    emulated.put("empty-json,on=*/cost/*")
    assert (await record(place, run))["cost"] is None
    emulated.put("error-before=404,on=*/cost/*")
    assert "cost" not in await record(place, run)
    emulated.put()
    await apps.stop(session, [str(run.remote_id)], Use.ASK, keep=False)
    assert json.loads(await place.read(run, Output("process.json", log=True))) == {}
