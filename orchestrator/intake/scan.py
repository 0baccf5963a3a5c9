"""One scan: look, claim, judge, put into the queue, file away.

Everything is claimed before it is judged, and what a crash left claimed is judged again, so that a
restart is only one more scan.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
from anyio.to_thread import run_sync

from orchestrator import spool
from orchestrator.config.home import Home
from orchestrator.core.faults import DiskFullError
from orchestrator.core.intake import NewJob, Rejection, Request
from orchestrator.intake.judge import Refused, Verdict, judge
from orchestrator.intake.queue import LeaseOf, Queue, ReadSpec, Report
from orchestrator.spool import Arrival, Arrivals, Claimed, Deferred, Rules, Stuck

BATCH = 64  # drops taken together: one sync of the folders, one commit of the queue
ROOM_LATER = 10.0  # seconds after which a full disk is tried again


@dataclass
class Scan:
    """One scan that begins at `now` (monotonic), and what it has come to so far.

    `lacks` says what is missing for new jobs to be taken out of the spool. Requests are taken all
    the same: to cancel is how a person makes room.
    """

    home: Home
    queue: Queue
    read_spec: ReadSpec
    lease_of: LeaseOf
    rules: Rules
    arrivals: Arrivals
    now: float
    lacks: str | None = None
    accepted: list[str] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    deferred: list[Deferred] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    full: bool = False  # there is no room: no more jobs are taken in by this scan

    async def run(self, renamed: Collection[bytes]) -> Report:
        """Take whatever is ready: first all jobs, then all requests, each in order of arrival."""
        await run_sync(spool.prepare, self.home)
        left = await run_sync(spool.leftovers, self.home)
        look = await run_sync(self.arrivals.look, self.now, renamed)
        self.deferred += look.deferred
        asked = {ident for arrival in look.ready if (ident := spool.asked_id(arrival.name))}
        known = await self.queue.known(asked | {drop.id for drop in left})
        taken = known | await run_sync(spool.taken_ids, self.home, asked)
        await self._file_away([drop for drop in left if drop.id in known])
        waiting: list[Arrival | Claimed] = [*look.ready]
        waiting += [drop for drop in left if drop.id not in known]
        waiting.sort(key=lambda entry: (spool.is_request(entry.name), entry.order))
        for start in range(0, len(waiting), BATCH):
            batch = [entry for entry in waiting[start : start + BATCH] if self._may_take(entry)]
            if batch:
                with self._room_for(batch[0].name):
                    await self._take(batch, taken)
        return Report(
            tuple(self.accepted),
            tuple(self.rejected),
            tuple(self.deferred),
            tuple(self.requests),
            self.full,
        )

    def _may_take(self, entry: Arrival | Claimed) -> bool:
        """Whether there is room for a drop; a job that was claimed before is finished."""
        if spool.is_request(entry.name):
            return True
        if self.full or self.lacks is None or isinstance(entry, Claimed):
            return not self.full
        self._defer(entry.name, f"it waits for {self.lacks}", ROOM_LATER)
        return False

    async def _take(self, batch: Sequence[Arrival | Claimed], taken: Collection[str]) -> None:
        names = [entry.name for entry in batch if isinstance(entry, Arrival)]
        claimed, stuck = await run_sync(spool.claim, self.home, names, taken)
        for each in stuck:
            await self._leave(each)
        drops = [*claimed, *(entry for entry in batch if isinstance(entry, Claimed))]
        drops.sort(key=lambda drop: drop.order)
        verdicts = await run_sync(self._judge_all, drops)
        done: list[Claimed] = []
        async with anyio.create_task_group() as together:  # so that they may share one commit
            for drop, verdict in verdicts:
                match verdict:
                    case NewJob():
                        together.start_soon(self._accept, drop, verdict, done)
                    case Refused(problems):
                        together.start_soon(self._reject, drop, problems)
        for drop, verdict in verdicts:
            match verdict:
                case Request():
                    await self._apply(drop, verdict, done)
                case None:
                    self._defer(drop.name, "it is being written to again", self.rules.settle)
        await self._file_away(done)

    def _judge_all(self, drops: Sequence[Claimed]) -> list[tuple[Claimed, Verdict]]:
        read, lease_of = self.read_spec, self.lease_of
        return [(drop, judge(self.home, drop, self.rules, read, lease_of)) for drop in drops]

    async def _accept(self, drop: Claimed, job: NewJob, done: list[Claimed]) -> None:
        with self._room_for(drop.name):
            if await self.queue.accept(job):
                self.accepted.append(job.id)
            done.append(drop)

    async def _apply(self, drop: Claimed, request: Request, done: list[Claimed]) -> None:
        with self._room_for(drop.name):
            if (self.full or self.lacks) and not await self.queue.has(request.job):
                self._defer_for_room(drop.name)  # it may be about a job that waits for room
                return
            refusal = await self.queue.apply(request)
            if refusal is not None:
                await self._reject(drop, (refusal,))
                return
            self.requests.append(request)
            done.append(drop)

    async def _reject(self, drop: Claimed, problems: tuple[str, ...]) -> None:
        with self._room_for(drop.name):
            await self._tell_why(drop.id, drop.name, problems, moved=True)
            await run_sync(spool.move_to_rejected, self.home, drop.id, drop.name)

    async def _leave(self, stuck: Stuck) -> None:
        if stuck.full:
            self._defer_for_room(stuck.name)
            return
        with self._room_for(stuck.name):
            problem = f"it cannot be moved out of the spool: {stuck.why}"
            await self._tell_why(stuck.id, stuck.name, (problem,), moved=False)
            self.arrivals.leave(stuck.name, stuck.mark)

    async def _tell_why(
        self, ident: str, name: bytes, problems: tuple[str, ...], *, moved: bool
    ) -> None:
        def write() -> None:
            spool.write_reason(self.home, ident, name, problems, moved=moved)

        await run_sync(write)
        rejection = Rejection(ident, spool.shown(name), "; ".join(problems))
        await self.queue.reject(rejection)
        self.rejected.append(rejection)

    async def _file_away(self, done: Sequence[Claimed]) -> None:
        if done:
            with self._room_for(done[0].name):
                await run_sync(spool.archive, self.home, done)

    @contextmanager
    def _room_for(self, name: bytes) -> Iterator[None]:
        """Put a drop off when there is no room: it stays where it is, and is taken up later."""
        try:
            yield
        except DiskFullError:
            self._defer_for_room(name)
        except OSError as error:
            if not spool.is_full(error):
                raise
            self._defer_for_room(name)

    def _defer_for_room(self, name: bytes) -> None:
        self.full = True
        self._defer(name, "the disk is full; it is safe where it is, and tried again", ROOM_LATER)

    def _defer(self, name: bytes, why: str, later: float) -> None:
        self.deferred.append(Deferred(spool.shown(name), why, self.now + later))
