"""A whole world from one number: servers, people, crashes, and the daemon in the middle."""

import asyncio
import traceback
from collections import Counter
from dataclasses import replace
from inspect import CORO_CREATED, getcoroutinestate
from pathlib import Path
from random import Random
from types import CoroutineType

from orchestrator.config.home import Home
from orchestrator.core.faults import FatalStorageError
from orchestrator.core.intake import NewJob, Request
from orchestrator.core.now import Now
from orchestrator.store.migrate import migrate
from orchestrator.store.sqlite import Connection, connect_writer
from orchestrator.testing.faults import Faults, chance
from orchestrator.testing.image import Image
from orchestrator.testing.people import MORE_IN_CHAINS, People
from orchestrator.testing.restoring import CRASHES, Restorer
from orchestrator.testing.rules import check_start
from orchestrator.testing.server import CHARACTERS, STUDY, Server
from orchestrator.testing.virtual import VirtualLoop

EPOCH = 1_800_000_000.0
_template: list[Connection] = []


class World:
    """Everything that survives a crash, and what is known of it."""

    def __init__(self, seed: int, root: Path, loop: VirtualLoop, *, restores: bool = False) -> None:
        self.random = chance(seed)
        self.loop = loop
        self.home = make_home(root)
        self.conn = fresh_database()
        self.faults = Faults(chance(self.random))
        self.max_runs = self.random.randrange(1, 4)
        self.spool: list[NewJob | Request] = []
        self.last_wish: dict[str, str] = {}
        self.trace: list[str] = []
        self.failures: list[str] = []
        self.turns = self.commits = 0
        self.planted = self.faults.chances["bug"] > 0
        self.history: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.holds: Counter[str] = Counter()
        self.image: Image | None = None
        kinds = self.random.sample(sorted(CHARACTERS), self.random.randrange(1, 3))
        self.servers = [self._server(kind) for kind in kinds]
        if Random(f"study {seed}").random() < 0.2:  # noqa: S311 - a world is made of its seed
            self.servers[0].name, self.servers[0].character = "study", STUDY
        # Of its own: worlds in which nothing comes after anything else stay as they were.
        order = Random(f"after {seed}")  # noqa: S311 - a world is made of its seed
        for server in self.servers:
            _hold_back(server, order)
        # So do those in which nobody needs anything alone.
        studies = Random(f"studies {seed}")  # noqa: S311 - a world is made of its seed
        self.people = People(self, chance(self.random), order, studies)
        if self.people.chained:
            self.max_runs += MORE_IN_CHAINS
        self._crashes = self.random.choice([0, 1, 2, 5])
        self.restorer: Restorer | None = None
        if restores:
            self.restorer, self._crashes = Restorer(self, seed), CRASHES
        self._steps_left = self._next_crash()
        self._life: asyncio.Task[None] | None = None
        self._kept: set[asyncio.Task[None] | None] = set()

    def _server(self, kind: str) -> Server:
        begin = self.random.random() * 600.0
        down = self.random.choice([0.0] * 8 + [60.0, 600.0, 3600.0])
        server = Server(
            name=kind,
            character=CHARACTERS[kind],
            random=chance(self.random),
            faults=self.faults,
            clock=self.steady,
            witness=lambda run: check_start(self, run),
            hint=self._hint,
        )
        server.outage = (begin, begin + down)
        return server

    def steady(self) -> float:
        """Return the one clock of this world, in seconds."""
        return self.loop.time()

    def now(self) -> Now:
        """Return what the daemon's clocks read."""
        return Now(self.steady(), EPOCH + self.steady())

    def note(self, *what: str) -> None:
        """Add to the trace, by which two runs are compared."""
        self.trace.append(f"{self.steady():.6f} {' '.join(what)}")

    def fail(self, what: str, error: BaseException | None = None) -> None:
        """Note that a promise was broken."""
        where = "" if error is None else "\n" + "".join(traceback.format_exception(error))
        self.failures.append(f"at {self.steady():.3f} s: {what}{where}")

    def drop(self, item: NewJob | Request) -> None:
        """Put something into the spool."""
        self.spool.append(item)
        if self.image is not None:
            self.image.dropped()

    def may_confirm(self, job: str) -> bool:
        """Whether a person who looks at the servers finds nothing of this job under way."""
        return not any(server.live(job) for server in self.servers)

    def calm(self) -> None:
        """Let nothing go wrong from here on."""
        self.faults.on = False
        self._crashes = 0

    def close(self) -> None:
        """Keep what tests compare; let go of the rest."""
        rows = self.conn.execute("SELECT * FROM history").fetchall()
        root = str(self.home.root)  # has another name each time
        self.history = [str(tuple(row)).replace(root, "HOME") for row in rows]
        ended = "SELECT outcome FROM run WHERE state = 'ended'"
        self.outcomes.update(row["outcome"] for row in self.conn.execute(ended).fetchall())
        self.conn.close()

    def _hint(self, key: str) -> None:
        if self.image is not None:
            self.image.hint(key)

    # ── lives and deaths of the daemon ──

    async def run(self) -> None:
        """Let the daemon live, die and live again until people have nothing more to wait for."""
        self.loop.before_each_step(self._step)
        people = asyncio.create_task(self.people.live())
        self._kept = {asyncio.current_task(), people}
        while not people.done() and not self.failures:
            image = self.image = Image(self)
            life = self._life = asyncio.create_task(image.live())
            await asyncio.wait({life, people}, return_when=asyncio.FIRST_COMPLETED)
            if people.done():
                self._ask_to_end(image)
                await asyncio.wait({life})
            await self._bury(image, life)
            if not people.done():
                if self.restorer is not None:
                    self.restorer.between_lives()
                await asyncio.sleep(self.random.choice([0.0, 1.0, 30.0, 600.0]))
        people.cancel()
        await asyncio.wait({people})
        if not people.cancelled():
            people.result()

    def _next_crash(self) -> int:
        return int(self.random.expovariate(1 / self.random.choice([20, 100, 500])))

    def _step(self) -> None:
        """Count the steps of the daemon; where chance wants it, it ends between two of them."""
        image = self.image
        if image is None or not image.begun or image.dead or self._crashes == 0:
            return
        self._steps_left -= 1
        if self._steps_left > 0:
            return
        self._crashes -= 1
        self._steps_left = self._next_crash()
        orderly = self.random.random() < 0.3
        self.note("stop" if orderly else "crash")
        if orderly:
            self._ask_to_end(image)
        else:
            image.dead = True
            _cancel(self._others())

    def _others(self) -> list[asyncio.Task[None]]:
        others = asyncio.all_tasks(self.loop) - self._kept
        return sorted(others, key=lambda task: task.get_name())

    def _ask_to_end(self, image: Image) -> None:
        """Shut down in order, as on SIGTERM: acts are cancelled, what was handed in is written."""
        image.tools.stopping = True
        if self._life is not None:
            self._life.cancel()

    async def _bury(self, image: Image, life: asyncio.Task[None]) -> None:
        """See to it that nothing of a life goes on; an end nobody wished for is a failure."""
        for _ in range(100):
            if not image.dead and image.db._flusher is None:  # noqa: SLF001 - what was handed in, ends
                image.dead = True
            if not (left := self._others()):
                break
            if image.dead:
                _cancel(left)
            await asyncio.sleep(0 if image.dead else 0.1)
        else:
            self.fail(f"the daemon does not end: {self._others()}")
        self.turns += image.engine.turns
        error = None if life.cancelled() else life.exception()
        if error is not None and not _only_storage(error):
            self.fail("the daemon ended by itself", error)


def _hold_back(server: Server, order: Random) -> None:
    """Let some servers hold runs back by themselves, and be content too easily."""
    if order.random() < 0.6:
        traits = replace(server.character.traits, starts_after=True)
        server.character = replace(server.character, traits=traits)
        server.lenient = order.choice([0.0, 0.5])


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel the tasks that have begun; one that has not would leave its coroutine unawaited."""
    for task in tasks:
        coroutine = task.get_coro()
        if not isinstance(coroutine, CoroutineType) or getcoroutinestate(coroutine) != CORO_CREATED:
            task.cancel()


def _only_storage(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only_storage(inner) for inner in error.exceptions)
    return isinstance(error, FatalStorageError | asyncio.CancelledError)


def make_home(root: Path) -> Home:
    """Make the folders of a home that the engine works in."""
    home = Home(root)
    for folder in (home.staging, home.results, home.archive, home.claimed):
        folder.mkdir(parents=True)
    return home


def fresh_database() -> Connection:
    """Return an empty queue in memory; the schema is made once and copied."""
    if not _template:
        _template.append(connect_writer(":memory:"))
        migrate(_template[0], Path("unused"))
    conn = connect_writer(":memory:")
    _template[0].backup(conn)
    return conn
