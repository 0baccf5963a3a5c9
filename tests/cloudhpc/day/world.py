"""One day from one number: jobs, cancels, the daemon's engine, and the account over there."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any
from unittest.mock import patch

import anyio
import httpx
import structlog
from anyio import from_thread, to_thread

from orchestrator.backend import Context
from orchestrator.backends.cloudhpc.backend import CloudHpc
from orchestrator.backends.cloudhpc.calls import Calls, reading
from orchestrator.backends.cloudhpc.model import Options
from orchestrator.backends.http import Ask, Door, Governor, Reply, Use, storage_of
from orchestrator.core.ids import id_from_bits
from orchestrator.core.intake import Input, NewJob, Request, Verb
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec
from orchestrator.engine import Engine, Place, Tools
from orchestrator.store import entrance, results
from orchestrator.store.database import Database
from orchestrator.testing.image import HOME_ID
from orchestrator.testing.simulate import MEMORY
from orchestrator.testing.virtual import VirtualLoop
from orchestrator.testing.world import EPOCH, fresh_database, make_home
from tests.cloudhpc.day.objects import Objects, serving
from tests.cloudhpc.day.service import CloudHpcModel, Simulation, use_now
from tests.http.counting import HOUR, Hour, Service

LATEST = 100 * HOUR  # by then all must be at rest
TABLE = {"script": "calculiX-2.21", "cpu": 1, "ram": "standard"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What the day is like.

    `before` jobs were submitted while the account had no limit, and compute when the day begins;
    `after` jobs are dropped at once in the middle of it, and `cancels` jobs are cancelled at any
    time. Others on the account make a call every `others` seconds; 0: nobody does.
    """

    seed: int
    before: int = 190
    after: int = 10
    cancels: int = 12
    page: int = 25
    hour: Hour = "sliding"
    hourly: int = 100
    longest: float = 46.0  # hours that a run may take
    others: float = 0.0


@dataclass(slots=True)
class Day:
    """What came of it. Times are in seconds from the beginning, delays in seconds."""

    plan: Plan
    refused: int = 0  # of our calls
    simulations: dict[str, list[Simulation]] = field(default_factory=dict)  # by folder
    jobs: dict[str, str] = field(default_factory=dict)  # id → state
    harvested: int = 0
    broken: list[str] = field(default_factory=list)
    noticed: list[float] = field(default_factory=list)
    fetched: list[float] = field(default_factory=list)
    cancels: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    calls: Counter[Use] = field(default_factory=Counter)
    lasted: float = 0.0

    def __str__(self) -> str:
        apart = [b - a for a, b in pairwise(self.looks)]
        uses = ", ".join(f"{count} to {use.value}" for use, count in self.calls.most_common())
        return (
            f"seed {self.plan.seed}, pages of {self.plan.page}, {self.plan.hour}:"
            f" {len(self.jobs)} jobs at rest after {self.lasted / HOUR:.1f} h;"
            f" refused {self.refused}; calls {uses};"
            f" ends noticed after {_told(self.noticed)}, results there after {_told(self.fetched)},"
            f" looks {_told(apart)} apart, cancels sent after {_told(self.cancels)}"
        )


def _told(seconds: list[float]) -> str:
    if not seconds:
        return "(none)"
    return f"{mean(seconds) / 60:.1f} min (at most {max(seconds) / 60:.1f})"


class WatchedDoor(Door):
    """The real door, which also says what each call is for."""

    async def call(self, ask: Ask) -> Reply:
        """Make one call."""
        use_now.set(ask.use)
        return await super().call(ask)


def live_through(plan: Plan) -> Day:
    """Let a day go by."""
    root = Path(tempfile.mkdtemp(prefix="orchestrator-day-", dir=MEMORY))
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_World(plan, root, loop).live())
    finally:
        loop.close()
        shutil.rmtree(root)


class _World:
    def __init__(self, plan: Plan, root: Path, loop: VirtualLoop) -> None:
        self.plan, self.loop = plan, loop
        self.random = Random(plan.seed)
        self.home = make_home(root / "home")
        self.input = root / "beam.inp"
        self.input.write_bytes(b"*NODE\n1, 0., 0., 0.\n")
        self.place = root / "cloud"
        self.place.mkdir()
        self.conn = fresh_database()
        self.objects = Objects(loop.time)
        self.quota = Service(plan.hour, 0)
        self.model = CloudHpcModel(
            loop.time,
            Random(plan.seed + 1),
            self.quota,
            self.objects,
            plan.page,
            lambda folder: Random(folder).uniform(2.0, plan.longest) * HOUR,
        )
        self.day = Day(plan)
        self.asked: dict[str, float] = {}  # jobs that are to be cancelled, since when

    async def live(self) -> Day:
        """Run the engine until everything is at rest."""
        account = Options.model_validate(
            {
                "url": "http://cloud.example/api/v2",
                "api_key": {"secret": "key"},
                "max_runs": 1000,
                "storage_hosts": ["127.0.0.1"],
                "private_network": True,
            }
        )
        governor = Governor(
            account,
            self.place,
            name="cloud",
            steady=self.loop.time,
            wall=lambda: EPOCH + self.loop.time(),
            u=Random(self.plan.seed + 3).random,
        )
        context = Context("cloud", self.place, lambda _: None, lambda _: "key", lambda _: None)
        with serving(self.objects), self._threads():
            async with httpx.AsyncClient(transport=self.model) as client:
                where = storage_of(account)
                door = WatchedDoor(
                    account, governor, dict, clients=(client, client), where=where, reading=reading
                )
                backend = CloudHpc(context, account, Calls(door), where, self.loop.time)
                await self._run(backend)
        self._judge()
        return self.day

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """Let time stand still while a worker thread works, unless that waits for the loop."""
        limiter = to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1  # one after another: a seed is to give the same day again
        waiting = 0
        real = from_thread.run

        def run(fn, *args):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202 - as anyio's
            async def counted():  # type: ignore[no-untyped-def]  # noqa: ANN202 - likewise
                nonlocal waiting
                waiting += 1
                try:
                    return await fn(*args)
                finally:
                    waiting -= 1

            return real(counted)

        self.loop.stand_still_while(lambda: limiter.borrowed_tokens > waiting)
        with patch.object(from_thread, "run", run):
            yield

    async def _run(self, backend: CloudHpc) -> None:
        tools = Tools(
            home=self.home,
            home_id=HOME_ID,
            db=Database(self.conn, _inline),
            places={"cloud": Place(backend, 1000)},
            now=self._now,
            in_thread=to_thread.run_sync,
            new_id=self._new_id,
            log=structlog.wrap_logger(None, processors=[self._judge_log]),
            random=Random(self.plan.seed + 2),
        )
        engine = Engine(tools)
        tools.db.on_commit = [engine.poke]
        async with anyio.create_task_group() as group:
            group.start_soon(engine.run)
            await self._drop(tools, self.plan.before)
            while len(self.model.simulations) < self.plan.before:  # noqa: ASYNC110 - as people wait
                await anyio.sleep(10.0)
            self.quota.hourly = self.plan.hourly
            self.model.calls.clear()
            self.quota.arrived.clear()
            start = self.loop.time()
            group.start_soon(self._people, tools)
            if self.plan.others:
                group.start_soon(self._others)
            while not self._at_rest() and self.loop.time() < start + LATEST:  # noqa: ASYNC110 - too
                await anyio.sleep(60.0)
            self.day.lasted = self.loop.time() - start
            tools.stopping = True
            group.cancel_scope.cancel()

    async def _people(self, tools: Tools) -> None:
        """Cancel some jobs, at any time; drop the rest of them in the middle of the day."""
        jobs = [row["id"] for row in self.conn.execute("SELECT id FROM job").fetchall()]
        moments = sorted(self.random.uniform(0.0, 12 * HOUR) for _ in range(self.plan.cancels))
        begun = self.loop.time()
        for at, job in zip(moments, self.random.sample(jobs, len(moments)), strict=True):
            await anyio.sleep(begun + at - self.loop.time())
            request = Request(self._new_id(), Verb.CANCEL, job)
            if await tools.db.write(entrance.apply, request, self._now()) is None:
                self.asked[job] = self.loop.time()
        await self._drop(tools, self.plan.after)

    async def _others(self) -> None:
        while True:
            await anyio.sleep(self.plan.others * self.random.uniform(0.5, 1.5))
            if self.random.random() < 0.1:
                self.model.add_foreign()
            else:
                self.quota.call(self.loop.time())

    async def _drop(self, tools: Tools, count: int) -> None:
        status = self.input.stat()
        inputs = (
            Input("beam.inp", str(self.input), status.st_size, status.st_mtime_ns, taken=False),
        )
        for _ in range(count):
            spec = JobSpec(name="beam", backend="cloud", run=TABLE)
            job = NewJob(self._new_id(), spec, b"", "job.toml", "dropped", 1000, inputs)
            await tools.db.write(entrance.accept, job, self._now())

    def _at_rest(self) -> bool:
        dropped = self.plan.before + self.plan.after
        sql = "SELECT count(*) FROM job WHERE state NOT IN ('queued', 'active')"
        return bool(self.conn.execute(sql).fetchone()[0] == dropped)

    def _judge(self) -> None:
        """Hold what the queue says against what happened over there."""
        day = self.day
        for one in self.model.simulations.values():
            day.simulations.setdefault(one.folder, []).append(one)
        rows = self.conn.execute("SELECT * FROM job").fetchall()
        day.jobs = {row["id"]: row["state"] for row in rows}
        day.refused = self.model.refused
        day.looks, day.calls = self.model.looked, self.model.calls
        for row in self.conn.execute("SELECT * FROM run").fetchall():
            [one] = day.simulations[f"beam-{row['key']}"]
            self._judge_run(row["job"], one, row["manifest_sha256"])

    def _judge_run(self, job: str, one: Simulation, manifest: str | None) -> None:
        day = self.day
        sql = "SELECT at, target FROM history WHERE job = ? ORDER BY seq"
        moments = {row["target"]: row["at"] - EPOCH for row in self.conn.execute(sql, (job,))}
        if "HARVESTING" in moments:
            day.noticed.append(moments["HARVESTING"] - one.ends)
        if manifest is not None:
            day.fetched.append(max(moments.values()) - one.ends)
            folder = self.home.results / results.folder_of("beam", job) / "1"
            kept = {path.name: path.read_bytes() for path in (folder / "outputs").glob("*")}
            day.harvested += kept == one.left()
        if job in self.asked and one.stop_asked is not None:
            day.cancels.append(one.stop_asked - self.asked[job])

    def _judge_log(self, _: object, method: str, event: Any) -> Any:
        if method in {"error", "exception", "critical"}:
            self.day.broken.append(str(event))
        raise structlog.DropEvent

    def _now(self) -> Now:
        return Now(self.loop.time(), EPOCH + self.loop.time())

    def _new_id(self) -> str:
        return id_from_bits(self.random.getrandbits(60))


async def _inline(fn):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - see Database
    return fn()
