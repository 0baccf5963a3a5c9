"""One loop: take what is due, act on it, write what came of it. A restart is one more turn."""

from collections.abc import Awaitable, Callable
from functools import partial

import anyio
from anyio.abc import TaskGroup

from orchestrator.core.faults import DiskFullError, FatalStorageError, StaleError
from orchestrator.core.ids import key_of
from orchestrator.core.lifecycle import RunState
from orchestrator.core.work import Work
from orchestrator.engine.forget import forget
from orchestrator.engine.harvest import harvest
from orchestrator.engine.stage import stage
from orchestrator.engine.submit import doubt, find
from orchestrator.engine.survey import Room, Seen, View, begin, survey
from orchestrator.engine.tools import Tools
from orchestrator.engine.watch import watch
from orchestrator.store import look, runs

LONGEST_SLEEP = 30.0  # seconds; after a suspend the machine looks up to this much late
ACTS_AT_ONCE = 16  # for each backend
PAUSE_WHEN_FULL = 5.0
PAUSE_AFTER_FAULT = 60.0

ACTS: dict[RunState, Callable[[Tools, Work], Awaitable[None]]] = {
    RunState.STAGING: stage,
    RunState.SUBMITTING: doubt,
    RunState.UNKNOWN: find,
    RunState.HARVESTING: harvest,
    RunState.ENDED: forget,
}


class Engine:
    """Moves every job that can move. What must survive is in the queue; nothing is here."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._poked = anyio.Event()
        self._hinted: set[str] = set()
        self._in_flight: set[str] = set()
        self._acts = dict.fromkeys(tools.places, 0)
        self.turns = 0  # grows while the engine lives

    def poke(self) -> None:
        """Say that something may have become due."""
        self._poked.set()

    def hint(self, key: str) -> None:
        """Say that the run with this key may have changed at its backend."""
        self._hinted.add(key)
        self._poked.set()

    async def run(self) -> None:
        """Turn until cancelled. Raises FatalStorageError when the process must end."""
        places = self._tools.places.items()
        calling = [name for name, place in places if place.backend.traits.hints]
        async with anyio.create_task_group() as group:
            # What ended while nobody listened called nobody.
            self._hinted |= await self._tools.db.read(look.running_keys, calling)
            while True:
                self._poked = anyio.Event()
                pause = await self._turn(group)
                self.turns += 1
                with anyio.move_on_after(pause):
                    await self._poked.wait()

    async def _turn(self, group: TaskGroup) -> float:
        """Start an act for all that is due and has room; return how long the next turn can wait."""
        if self._tools.stopping:
            return LONGEST_SLEEP  # what is due is due for the next daemon
        hinted, self._hinted = self._hinted, set()
        busy = frozenset(self._in_flight)
        try:
            seen = await self._look(hinted, busy)
        except DiskFullError as error:
            self._tools.tell_full("paused: the disk is full", error)
            self._hinted |= hinted
            return PAUSE_WHEN_FULL
        for backend, acts in seen.acts.items():
            for works in acts:
                self._acts[backend] += 1
                self._in_flight.update(work.run for work in works)
                group.start_soon(self._guarded, backend, works)
        # A run that changed while it was looked at, or that found no room, is looked at once more:
        # the end of any act brings the next turn.
        begun = self._in_flight - busy
        self._hinted |= {due.key for due in seen.hinted if due.run not in begun}
        if seen.next_due is None:
            return LONGEST_SLEEP
        return min(max(seen.next_due - self._tools.now().steady, 0.0), LONGEST_SLEEP)

    async def _look(self, hinted: set[str], busy: frozenset[str]) -> Seen:
        """Read what is due, after ending what is overdue and starting what has room."""
        tools = self._tools
        may_begin = tools.lacks() is None
        rooms = {
            name: Room(
                place.max_runs if may_begin else 0,
                ACTS_AT_ONCE - self._acts[name],
                place.backend.traits.poll_batch,
                place.backend.traits.starts_after,
            )
            for name, place in tools.places.items()
        }
        view = View(tools.now(), rooms, hinted, busy)
        seen = await tools.db.read(survey, view)
        if not seen.expired and not seen.cancelled and not seen.startable:
            return seen
        fresh = [(job, tools.new_id()) for job in seen.startable]
        named = [(job, run, key_of(tools.home_id, run)) for job, run in fresh]
        return await tools.db.write(begin, seen, named, view)

    async def _guarded(self, backend: str, works: list[Work]) -> None:
        """Act on runs of one state; whatever comes of it, they can be acted on again."""
        try:
            await self._act_or_put_off(works)
        except StaleError:
            pass  # somebody changed it meanwhile: the next turn reads it again
        except DiskFullError as error:
            self._tools.tell_full("paused: the disk is full", error)
            await anyio.sleep(PAUSE_WHEN_FULL)
            self._hinted.update(work.key for work in works)  # it may have been for a hint
        finally:
            self._in_flight.difference_update(work.run for work in works)
            self._acts[backend] -= 1
            self.poke()

    async def _act_or_put_off(self, works: list[Work]) -> None:
        """Act; after a fault in this program's own code leave the runs alone for a while."""
        tools = self._tools
        try:
            if works[0].state is RunState.RUNNING:
                await watch(tools, works)
            else:
                await ACTS[works[0].state](tools, works[0])
        except (StaleError, DiskFullError, FatalStorageError):
            raise
        except Exception as error:
            tools.log.exception("internal error", runs=[work.run for work in works])
            why = f"internal error: {type(error).__name__}; see log/orchestrator.jsonl"
            now = tools.now()
            for work in [await tools.read(work.run) for work in works]:
                put_off = partial(runs.put_off, due=now.steady + PAUSE_AFTER_FAULT, error=why)
                await tools.db.write(put_off, work, now=now)
