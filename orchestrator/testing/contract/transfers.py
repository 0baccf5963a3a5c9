"""Outputs and inputs over lines and addresses that cannot be trusted: whole, or not at all."""

import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest
from anyio.to_thread import run_sync

from orchestrator.backend import BackendError, Finished, Output, Run
from orchestrator.core.names import Foreign, local_names
from orchestrator.store import results
from orchestrator.testing.contract.ground import IMPATIENT, Ground, assert_fit_to_show
from orchestrator.testing.contract.place import Place
from orchestrator.testing.contract.playing import forget_all
from orchestrator.testing.contract.service import Service
from orchestrator.testing.contract.striking import struck

TIMES = 2000
EXPIRED = "expired-urls"
SLACK = 10.0  # seconds beside the limits, and far less than the slowest reply: others run beside us


class TransfersUnderFaults(Ground):
    """Tests of `list_outputs` and `open_output`, and of where bytes may come from."""

    async def test_outputs_come_whole_or_not_at_all(
        self, place: Place, service: Service, tmp_path: Path, seeded: Random | None
    ) -> None:
        """A user would get half a result, or one with wrong bytes in it, and not know."""
        run = await ended(place)
        whole = 0
        async for fault, found in struck(
            place,
            service,
            lambda: harvest(place, run, tmp_path / "staging"),
            more=[*self.stand_in.own, EXPIRED],
            random=seeded,
            also=(results.MismatchError,),
        ):
            if isinstance(found, dict) and fault.split(",")[0] not in self.stand_in.unseen:
                assert found == right(place), fault
                whole += 1
        assert whole
        assert await harvest(place, run, tmp_path / "staging") == right(place)

    async def test_what_came_before_the_line_broke_is_gone_on_with(
        self, place: Place, service: Service, tmp_path: Path
    ) -> None:
        """A large output would be fetched from its beginning for ever, or be joined wrongly."""
        run = await ended(place)
        for fault in (f"cut=200000,times=3,on={self.stand_in.fetches}", f"{EXPIRED},times=2"):
            service.put(fault)
            for _ in range(6):
                try:
                    found = await harvest(place, run, tmp_path / "staging")
                    break
                except BackendError:
                    continue
            assert found == right(place), fault

    async def test_hostile_names_stay_inside(
        self, place: Place, service: Service, tmp_path: Path
    ) -> None:
        """A service could write over the user's files, or hide one output behind another."""
        assert self.stand_in.hostile_names, "a kind whose service names no files says so itself"
        run = await ended(place)
        staging = tmp_path / "a/b/staging"
        before = _files(tmp_path / "a")
        for fault in self.stand_in.hostile_names:
            service.put(fault)
            found = await harvest(place, run, staging)
            assert found.items() >= right(place).items()
            assert len(found) > len(right(place)), "none of the hostile names was there"
        inside = {f"b/staging/{name}" for name in _files(staging)}
        assert _files(tmp_path / "a") - before == inside

    @pytest.mark.parametrize("fault", ["drip", "late=2"])
    async def test_no_verb_waits_longer_than_a_call_may_last(
        self, place: Place, service: Service, tmp_path: Path, fault: str
    ) -> None:
        """One slow service would hold up the daemon for as long as it likes."""
        source = tmp_path / "deck"
        source.write_bytes(place.bodies.content(1))
        run = await ended(place)
        other = place.run("2", place.bodies.copies("in.dat", "out.dat"))
        lives = await place.started(place.run("3", place.bodies.sleeps))
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "stage": lambda: place.staged(other, "in.dat", source),
            "find": lambda: place.backend.find(run),
            "poll": lambda: place.backend.poll([run]),
            "cancel": lambda: place.backend.cancel(lives),
            "list_outputs": lambda: place.backend.list_outputs(run),
        }
        errors = []
        for name, act in acts.items():
            service.put()
            await forget_all(place)
            await place.backend.poll([run])  # so that not only the login is slow
            service.put(fault)
            began = time.monotonic()
            with self.impatience(), pytest.raises(BackendError) as caught:
                await act()
            assert time.monotonic() - began < IMPATIENT + SLACK, name
            errors.append(caught.value)
        service.put()
        with self.impatience():
            await forget_all(place)
        [output] = [one for one in await place.backend.list_outputs(run) if not one.log]
        service.put(f"{fault},on={self.stand_in.fetches}")
        began = time.monotonic()
        with self.impatience(), pytest.raises(BackendError) as caught:
            await place.read(run, output)
        assert time.monotonic() - began < IMPATIENT + SLACK
        assert_fit_to_show([*errors, caught.value], service)

    async def test_a_service_that_says_nothing_is_not_waited_for(
        self, place: Place, service: Service, tmp_path: Path
    ) -> None:
        """One dead connection would hold up every job of the account."""
        run = await place.started(place.run("1", place.bodies.fails(0)))
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            url = service.url.replace(f":{service.address[1]}", f":{port}")
            async with self.place_at(service, tmp_path / "silent", url=url) as silent_place:
                began = time.monotonic()
                with self.impatience(), pytest.raises(BackendError) as caught:
                    await silent_place.backend.find(run)
                assert time.monotonic() - began < IMPATIENT + SLACK
        assert caught.value.effect == "none", "nothing that changes anything had been sent"


async def ended(place: Place) -> Run:
    """Return a run that has left an output."""
    run = await place.started(place.run("1", place.bodies.writes("out.bin", TIMES)))
    assert isinstance(await place.end(run), Finished)
    return run


def right(place: Place) -> dict[str, bytes]:
    """Return what that run has left."""
    return {place.bodies.named("out.bin"): place.bodies.content(TIMES)}


async def harvest(place: Place, run: Run, staging: Path) -> dict[str, bytes]:
    """Fetch what a run left as the engine does; return it by the names the service has for it."""
    listed = await place.backend.list_outputs(run)
    names = local_names([Foreign(one.name, one.log) for one in listed])
    chosen = list(zip(listed, names, strict=True))
    found = {one: await run_sync(_fetch, place, run, one, staging, name) for one, name in chosen}
    return {one.name: data for one, data in found.items() if not one.log}


def _fetch(place: Place, run: Run, output: Output, staging: Path, name: str) -> bytes:
    staging.mkdir(parents=True, exist_ok=True)
    (staging / name).unlink(missing_ok=True)  # of an earlier try; a part of it stays
    late = place.backend.traits.md5_on_open
    announced = results.Announced(output.size, output.sha256, output.md5, md5_to_come=late)
    open_at = partial(place.backend.open_output, run, output)
    try:
        results.fetch(staging, name, open_at, announced, stop=lambda: False, keep_free=0)
    except (BackendError, results.MismatchError):
        assert not (staging / name).exists(), "nothing stands where a fetch failed"
        raise
    return (staging / name).read_bytes()


def _files(folder: Path) -> set[str]:
    def found() -> Iterator[str]:
        for path in folder.rglob("*"):
            if not path.is_dir():
                yield str(path.relative_to(folder))

    return set(found())
