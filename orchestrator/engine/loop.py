"""One loop: take what is due, act on it, write what came of it. A restart is one more turn."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import anyio
from anyio.abc import TaskGroup

from orchestrator.core.faults import DiskFullError, FatalStorageError, StaleError
from orchestrator.core.ids import key_of
from orchestrator.core.lifecycle import RunState, Want
from orchestrator.core.work import Work
from orchestrator.engine.forget import forget
from orchestrator.engine.harvest import harvest
from orchestrator.engine.stage import stage
from orchestrator.engine.submit import doubt, find
from orchestrator.engine.survey import Seen, end_overdue, start_runs, survey
from orchestrator.engine.tools import Tools
from orchestrator.engine.watch import watch
from orchestrator.store import runs
from orchestrator.store.look import Due

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
        async with anyio.create_task_group() as group:
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
        # What was in an act when the look began may have been seen as it was before the act ended.
        busy = set(self._in_flight)
        try:
            seen = await self._look(sorted(hinted))
        except DiskFullError as error:
            self._tools.log.warning("paused: the disk is full", error=str(error))
            self._hinted |= hinted
            return PAUSE_WHEN_FULL
        for backend in self._tools.places:
            mine = [d for d in seen.due + seen.hinted if d.backend == backend and d.run not in busy]
            self._launch(group, backend, mine)
        # A run that changed while it was looked at, or that found no room, is looked at once more:
        # the end of any act brings the next turn.
        begun = self._in_flight - busy
        self._hinted |= {due.key for due in seen.hinted if due.run not in begun}
        if seen.next_due is None:
            return LONGEST_SLEEP
        return min(max(seen.next_due - self._tools.now().steady, 0.0), LONGEST_SLEEP)

    async def _look(self, hinted: list[str]) -> Seen:
        """Read what is due, after ending what is overdue and starting what has room."""
        tools = self._tools
        rooms = {name: place.max_runs for name, place in tools.places.items()}
        seen = await tools.db.read(survey, tools.now(), rooms, hinted)
        if not seen.expired and not seen.cancelled and not seen.startable:
            return seen
        if seen.expired or seen.cancelled:
            await tools.db.write(end_overdue, seen, tools.now())
        fresh = [(job, tools.new_id()) for job in seen.startable]
        named = [(job, run, key_of(tools.home_id, run)) for job, run in fresh]
        await tools.db.write(start_runs, named, tools.now())
        return await tools.db.read(survey, tools.now(), dict.fromkeys(rooms, 0), hinted)

    def _launch(self, group: TaskGroup, backend: str, due: Iterable[Due]) -> None:
        """Start acts while there is room for them; runs that are polled share acts."""
        size = self._tools.places[backend].backend.traits.poll_batch
        batches: list[list[str]] = []
        polls: list[str] = []
        for item in due:
            if item.run in self._in_flight:
                continue
            if item.state is RunState.RUNNING and 0 < len(polls) < size:
                polls.append(item.run)
            elif self._acts[backend] < ACTS_AT_ONCE:
                self._acts[backend] += 1
                batches.append([item.run])
                if item.state is RunState.RUNNING:
                    polls = batches[-1]
            else:
                continue
            self._in_flight.add(item.run)
        for batch in batches:
            group.start_soon(self._guarded, backend, batch)

    async def _guarded(self, backend: str, batch: list[str]) -> None:
        """Act on runs of one state; whatever comes of it, they can be acted on again."""
        try:
            await self._act_or_put_off(batch)
        except StaleError:
            pass  # somebody changed it meanwhile: the next turn reads it again
        except DiskFullError as error:
            self._tools.log.warning("paused: the disk is full", error=str(error))
            await anyio.sleep(PAUSE_WHEN_FULL)
        finally:
            self._in_flight.difference_update(batch)
            self._acts[backend] -= 1
            self.poke()

    async def _act_or_put_off(self, batch: list[str]) -> None:
        """Act; after a fault in this program's own code leave the runs alone for a while."""
        tools = self._tools
        try:
            await self._act([await tools.read(run) for run in batch])
        except (StaleError, DiskFullError, FatalStorageError):
            raise
        except Exception as error:
            tools.log.exception("internal error", runs=batch)
            why = f"internal error: {type(error).__name__}; see log/orchestrator.jsonl"
            now = tools.now()
            for work in [await tools.read(run) for run in batch]:
                put_off = partial(runs.put_off, due=now.steady + PAUSE_AFTER_FAULT, error=why)
                await tools.db.write(put_off, work, now=now)

    async def _act(self, works: list[Work]) -> None:
        """Dispatch by the state as it is now, not as it was when the turn looked."""
        works = [work for work in works if _may_be_acted_on(work)]
        running = [work for work in works if work.state is RunState.RUNNING]
        if running:
            await watch(self._tools, running)
        for work in works:
            if work.state is not RunState.RUNNING:
                await ACTS[work.state](self._tools, work)


def _may_be_acted_on(work: Work) -> bool:
    """Look again after the read: a person may have held the job, or given up the run, just now."""
    if work.state is RunState.ENDED:
        return not work.forgotten
    return work.want is not Want.HOLD
