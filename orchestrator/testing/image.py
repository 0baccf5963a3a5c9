"""One life of the daemon in a simulated world: the real engine on a database that outlives it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import structlog

from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.core.ids import id_from_bits
from orchestrator.core.intake import NewJob, Request, Verb
from orchestrator.engine import Engine, Place, Tools
from orchestrator.store import entrance
from orchestrator.store.database import Database
from orchestrator.store.sqlite import Connection
from orchestrator.testing.faults import PlantedError, chance
from orchestrator.testing.place import SimulatedBackend
from orchestrator.testing.rules import IN_FLIGHT, check_call

if TYPE_CHECKING:
    from orchestrator.testing.world import World

T = TypeVar("T")
HOME_ID = "s1mu1ate"


class Image:
    """A process image: once it is `dead`, nothing it does reaches the world any more."""

    def __init__(self, world: "World") -> None:
        self.begun = self.dead = False
        self.world = world
        self.not_before: dict[tuple[str, str], float] = {}
        self._hurried: dict[str, float] = {}
        self._random = chance(world.random)
        self._dropped = asyncio.Event()
        self.db = Database(world.conn, self._hop)
        self.tools = Tools(
            home=world.home,
            home_id=HOME_ID,
            db=self.db,
            places={
                server.name: Place(SimulatedBackend(server, self), world.max_runs)
                for server in world.servers
            },
            now=world.now,
            in_thread=self._in_thread,
            new_id=lambda: id_from_bits(self._random.getrandbits(60)),
            log=_log(self._note),
            random=chance(world.random),
        )
        self.engine = Engine(self.tools)
        self.db.on_commit = [self.engine.poke]

    async def live(self) -> None:
        """Run the engine and the intake until cancelled; what they raise leaves here."""
        self.begun = True
        async with anyio.create_task_group() as group:
            group.start_soon(self.engine.run)
            group.start_soon(self._take_in)

    def hint(self, key: str) -> None:
        """Pass on that a backend called."""
        if not self.dead:
            self._may_come_early([key])
            self.engine.hint(key)

    def dropped(self) -> None:
        """Say that something lies in the spool."""
        self._dropped.set()

    async def _take_in(self) -> None:
        """Bring what lies in the spool into the queue, again until it surely is there."""
        spool = self.world.spool
        while True:
            while spool:
                item = spool[0]
                try:
                    await self.db.write(self._enter, item)
                except DiskFullError:
                    await asyncio.sleep(5.0)
                    continue
                self.check_alive()
                spool.remove(item)
            self._dropped.clear()
            await self._dropped.wait()

    def _enter(self, conn: Connection, item: NewJob | Request) -> None:
        now, restorer = self.world.now(), self.world.restorer
        if isinstance(item, NewJob):
            entrance.accept(conn, item, now)
            if restorer is not None:
                restorer.took(item)
            return
        if restorer is not None and restorer.refuses(item):
            return
        if item.verb is Verb.RETRY and item.confirmed and not self.world.may_confirm(item.job):
            return  # a person who looked and found it there would not ask
        refused = entrance.apply(conn, item, now)
        rows = conn.execute("SELECT key, remote_id FROM run WHERE job = ?", (item.job,)).fetchall()
        self._may_come_early([row["key"] for row in rows])
        if refused is None and item.verb is Verb.ADOPT:
            adopted = {row["key"] for row in rows if row["remote_id"] == item.remote_id}
            for server in self.world.servers:
                server.adopted |= adopted
        if refused is None:
            self.world.last_wish[item.job] = item.verb
            if restorer is not None:
                restorer.took(item)

    # ── the seams: everything that leaves the process passes through one of these ──

    def check_alive(self) -> None:
        """Raise CancelledError in what is left of a process that has vanished."""
        if self.dead:
            raise asyncio.CancelledError

    async def _hop(self, fn: Callable[[], T]) -> T:
        await self._pass()
        faults, is_commit = self.world.faults, _name(fn) == "_commit"
        self.world.commits += is_commit
        if is_commit and faults.strikes("disk full"):
            self.not_before.clear()  # the note of when to come back is not written either
            raise DiskFullError("no space left, simulated")
        if is_commit and faults.strikes("commit fails"):
            if self._random.random() < 0.5:
                fn()
            raise FatalStorageError("the commit failed, simulated")
        result = fn()
        await self._pass()
        return result

    def _in_thread(self, fn: Callable[[], T], /) -> Awaitable[T]:
        async def run() -> T:
            await self._pass()
            full = self.world.faults.strikes("disk full")
            self.tools.keep_free = 1 << 62 if full else 0
            result = fn()
            await self._pass()
            return result

        return run()

    async def _pass(self) -> None:
        """Let others go first, sometimes."""
        self.check_alive()
        if (u := self._random.random()) < 0.4:
            await asyncio.sleep(0 if u < 0.35 else u * 0.1)
            self.check_alive()

    def called(self, verb: str, server: str, keys: Sequence[str]) -> None:
        """Note a call to a server, and hold it against the rules."""
        self.world.note(verb, server, *keys)
        for key in keys:
            if self.world.steady() < self.not_before.get((verb, key), 0.0) - 1e-6:
                self.world.fail(f"{verb} of {key} came before the time the server asked for")
            check_call(self.world, verb, key)

    def told_to_wait(self, verb: str, keys: Sequence[str], seconds: float) -> None:
        """Remember until when the server wants to be left alone with this."""
        now = self.world.steady()
        for key in keys:
            if now - self._hurried.get(key, -IN_FLIGHT) >= IN_FLIGHT:
                self.not_before[verb, key] = now + seconds

    def _may_come_early(self, keys: Sequence[str]) -> None:
        """A person's wish, or a call from the backend itself, goes before politeness."""
        for key in keys:
            self._hurried[key] = self.world.steady()
        for verb, key in list(self.not_before):
            if key in keys:
                del self.not_before[verb, key]

    def _note(self, _: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
        """Judge the log: an exception nobody planted is a fault in the program."""
        error = sys.exc_info()[1]
        if method in {"error", "exception", "critical"} and not isinstance(error, PlantedError):
            self.world.fail(f"{event['event']}: {error!r}", error)
        raise structlog.DropEvent


def _name(fn: Callable[[], Any]) -> str:
    return getattr(getattr(fn, "func", fn), "__name__", "")


def _log(processor: Any) -> Any:
    return structlog.wrap_logger(
        None,
        processors=[processor],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
