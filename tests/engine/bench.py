"""A bench for acts and for the loop: the real queue, a virtual clock, a scripted backend."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog

from orchestrator.backend import (
    Absent,
    Alive,
    Answer,
    Finding,
    Output,
    Run,
    Staged,
    StageStep,
    Stream,
    Submitted,
    Traits,
)
from orchestrator.core.ids import id_from_bits, key_of
from orchestrator.core.intake import Input, NewJob, Request, Verb
from orchestrator.core.lifecycle import Event, RunState
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec, Limits, Outputs, Retry
from orchestrator.core.work import Change, Work
from orchestrator.engine import Engine, Place, Tools
from orchestrator.store import entrance, look, runs
from orchestrator.store.database import Database
from orchestrator.testing.faults import chance
from orchestrator.testing.virtual import VirtualLoop
from orchestrator.testing.world import EPOCH, fresh_database, make_home

T = TypeVar("T")
Reply = Any  # a value to return, an exception to raise, or seconds to wait before the next reply


@dataclass(slots=True)
class Scripted:
    """A backend that answers as it is told; without a script, as one on which all goes well."""

    traits: Traits = field(default_factory=Traits)
    script: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    always: dict[str, Callable[[], Reply]] = field(default_factory=dict)
    calls: list[tuple[float, str, str]] = field(default_factory=list)
    sent: list[Run] = field(default_factory=list)
    after: dict[str, tuple[str, ...]] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0

    async def _reply(self, verb: str, runs: Sequence[Run], otherwise: T) -> T:
        now = asyncio.get_running_loop().time()
        self.calls += [(now, verb, run.key) for run in runs]
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            while True:
                reply = self._next(verb)
                if isinstance(reply, Exception):
                    raise reply
                if not isinstance(reply, float):
                    break
                await asyncio.sleep(reply)
        finally:
            self.at_once -= 1
        return otherwise if reply is None else reply

    def _next(self, verb: str) -> Reply:
        if self.script[verb]:
            return self.script[verb].pop(0)
        return self.always[verb]() if verb in self.always else None

    async def stage(self, run: Run, step: StageStep) -> Staged:
        """Take what is there."""
        data = step.source.read_bytes()
        return await self._reply(
            "stage", [run], Staged(len(data), hashlib.sha256(data).hexdigest())
        )

    async def submit(self, run: Run) -> Submitted:
        """Take the run, and note behind which others."""
        self.after[run.key] = run.after
        self.sent.append(run)
        return await self._reply("submit", [run], Submitted(f"remote-{run.key}"))

    async def find(self, run: Run) -> Finding:
        """Find nothing."""
        return await self._reply("find", [run], Absent("not listed"))

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Say that all go on."""
        return await self._reply("poll", runs, {run.key: Alive() for run in runs})

    async def cancel(self, run: Run) -> None:
        """Take the wish."""
        await self._reply("cancel", [run], None)

    async def sync(self, run: Run) -> None:
        """Bring nothing to light."""
        await self._reply("sync", [run], None)

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List nothing."""
        return await self._reply("list_outputs", [run], ())

    @contextmanager
    def open_output(self, run: Run, output: Output, offset: int) -> Iterator[Stream]:
        """Give nothing."""
        del run, output, offset  # it lists nothing
        yield Stream(0, iter(()))

    async def forget(self, run: Run) -> None:
        """Let go."""
        await self._reply("forget", [run], None)

    def times(self, verb: str, key: str | None = None) -> list[float]:
        """Return when a verb was called, of all runs or of one."""
        return [at for at, name, whose in self.calls if name == verb and key in {None, whose}]


class Bench:
    """One queue, one backend named "there", one clock that jumps."""

    def __init__(self, root: Path, traits: Traits, max_runs: int = 1000) -> None:
        self.loop = VirtualLoop()
        self.conn = fresh_database()
        self.backend = Scripted(traits)
        self.random = chance(0)
        self.db = Database(self.conn, self._hop)
        self.logged: list[str] = []
        self.tools = Tools(
            home=make_home(root / "home"),
            home_id="homehome",
            db=self.db,
            places={"there": Place(self.backend, max_runs)},
            now=self.now,
            in_thread=self._hop,
            new_id=self.new_id,
            log=structlog.wrap_logger(None, [self._log], structlog.make_filtering_bound_logger(0)),
            random=chance(1),
        )
        self.engine = Engine(self.tools)
        self.db.on_commit = [self.engine.poke]

    def now(self) -> Now:
        """Return what the clocks read."""
        return Now(self.loop.time(), EPOCH + self.loop.time())

    def new_id(self) -> str:
        """Return a fresh id."""
        return id_from_bits(self.random.getrandbits(60))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the virtual loop."""
        return self.loop.run_until_complete(work)

    def serve(self, seconds: float) -> None:
        """Let the engine live for a while."""

        async def live() -> None:
            task = asyncio.create_task(self.engine.run())
            await asyncio.wait({task}, timeout=seconds)
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.result()

        self.run(live())

    def add(
        self,
        *,
        backend: str = "there",
        inputs: Sequence[Path] = (),
        limits: Limits | None = None,
        attempts: int = 1,
        dropped: bool = False,
        unpack: tuple[str, ...] = (),
        name: str = "wing",
        after: tuple[str, ...] = (),
        lease: str | None = None,
    ) -> str:
        """Accept a job, with inputs that lie somewhere or were dropped with it; return its id."""
        job = self.new_id()
        spec = JobSpec(
            name=name,
            after=after,
            backend=backend,
            run={},
            outputs=Outputs(unpack=unpack),
            limits=limits or Limits(),
            retry=Retry(attempts=attempts, delay=timedelta(seconds=1)),
        )
        found = [(path, path.stat()) for path in inputs]
        rows = tuple(
            Input(p.name, p.name if dropped else str(p), s.st_size, s.st_mtime_ns, taken=dropped)
            for p, s in found
        )
        new = NewJob(job, spec, b"", "job.toml", "job.toml", 0, rows, lease)
        entrance.accept(self.conn, new, self.now())
        return job

    def start(self, job: str) -> Work:
        """Give a job its next run."""
        run = self.new_id()
        assert runs.start(self.conn, job, run, key_of("homehome", run), self.now())
        return self.read(job)

    def running(self, job: str, *, age: float = 0.0) -> Work:
        """Bring a job as far as to a run that its backend took so many seconds ago."""
        work = self.move(self.start(job), Change(event=Event.STAGED, reason="", due=0.0))
        now = self.loop.time()
        return self.move(
            work,
            Change(
                event=Event.ACCEPTED,
                reason="",
                due=now,
                remote_id=f"remote-{work.key}",
                started=now - age,
            ),
        )

    def unknown(self, job: str) -> Work:
        """Bring a job as far as to a submit with a doubtful outcome."""
        work = self.move(self.start(job), Change(event=Event.STAGED, reason="", due=0.0))
        now = self.loop.time()
        doubt = Change(event=Event.DOUBTFUL, reason="", due=now, doubt_since=now)
        return self.move(work, doubt)

    def move(self, work: Work, change: Change) -> Work:
        """Write a change; return the run as it is then."""
        runs.move(self.conn, work, change, self.now())
        return self.read(work.job)

    def read(self, job: str) -> Work:
        """Return the newest run of a job."""
        sql = "SELECT id FROM run WHERE job = ? ORDER BY number DESC LIMIT 1"
        return look.work(self.conn, self.conn.execute(sql, (job,)).fetchone()["id"])

    def job(self, job: str) -> dict[str, Any]:
        """Return a job's row."""
        return dict(self.conn.execute("SELECT * FROM job WHERE id = ?", (job,)).fetchone())

    def due(self, job: str) -> float:
        """Return when the newest run of a job is due."""
        sql = "SELECT due FROM run WHERE job = ? ORDER BY number DESC LIMIT 1"
        due: float = self.conn.execute(sql, (job,)).fetchone()["due"]
        return due

    def state(self, job: str) -> RunState:
        """Return the state of a job's newest run."""
        return self.read(job).state

    def ask(self, verb: Verb, job: str, **more: Any) -> str | None:
        """Apply a request; return why it was refused, if it was."""
        return entrance.apply(self.conn, Request(self.new_id(), verb, job, **more), self.now())

    def wait(self, seconds: float) -> None:
        """Let time go by while nothing runs."""
        self.run(asyncio.sleep(seconds))

    async def _hop(self, fn: Callable[[], T], /) -> T:
        await asyncio.sleep(0)
        return fn()

    def _log(self, _: object, method: str, event: MutableMapping[str, Any]) -> str:
        self.logged.append(f"{method}: {event['event']}")
        raise structlog.DropEvent
