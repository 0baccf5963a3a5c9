"""The people of a simulated world: they drop jobs, change their minds, and tidy up at the end."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar

from orchestrator.core.ids import id_from_bits
from orchestrator.core.intake import Input, NewJob, Request, Verb
from orchestrator.core.spec import JobSpec, Limits, Retry

if TYPE_CHECKING:
    from orchestrator.testing.world import World

PATIENCE = 12 * 3600.0  # seconds within which everything must be at rest once nothing goes wrong
DROP = "dropped"
T = TypeVar("T")
LEASED = 0.35  # of the worlds
MORE_IN_CHAINS = 3  # jobs, and runs at once: or few would find others to come after

_RESTLESS = """SELECT job.id, job.state, job.want, job.runs, run.state AS run_state, run.due,
run.tries, run.last_error FROM job LEFT JOIN run ON run.job = job.id AND run.number = job.runs
WHERE (job.state IN ('queued', 'active') AND job.want <> 'hold'
       AND NOT (job.waits <> 'no' AND job.want = 'run' AND (job.state = 'queued' OR
            (run.state = 'harvesting' AND run.outcome = 'succeeded' AND run.spoilt IS NULL)))
       AND NOT (job.state = 'queued' AND job.want = 'run' AND EXISTS (
            SELECT 1 FROM run AS its WHERE its.lease = job.lease AND its.state <> 'ended')))
   OR (run.state = 'ended' AND run.forgotten = 0)"""


_IN_VAIN = """SELECT it.job, it.word, other.state FROM job JOIN dependency AS it ON it.job = job.id
JOIN job AS other ON other.id = it.awaits
WHERE job.state = 'queued' AND other.state IN ('failed', 'cancelled')"""
_NEWEST = "SELECT key, backend FROM run WHERE job = ? ORDER BY number DESC LIMIT 1"
_NAMED = """SELECT remote_id FROM run WHERE backend = ? AND key <> ? AND remote_id IS NOT NULL
ORDER BY seq"""


class People:
    """All who use the daemon: what they do, and when, is drawn from the seed."""

    def __init__(self, world: "World", random: Random, order: Random, studies: Random) -> None:
        self._world = world
        self._random = random
        self._order = order
        self._studies = studies
        self.leased = studies.random() < LEASED  # in the other worlds, no job needs anything alone
        self.chained = order.random() < 0.4  # in the other worlds, no job comes after another
        self.jobs: list[str] = []
        self._inputs: list[Path] = []

    async def live(self) -> None:
        """Drop jobs and requests for a while, then wait, then tidy up what is held."""
        pace = self._random.choice([0.2, 5.0, 60.0])
        to_come = self._random.randrange(1, 6) + (MORE_IN_CHAINS if self.chained else 0)
        for _ in range(to_come + self._random.choice([0, 2, 6, 12])):
            if to_come and self._random.random() < 0.6:
                to_come -= 1
                self._submit()
            elif self.jobs:
                self._meddle()
            await asyncio.sleep(self._random.expovariate(1 / pace))
        await asyncio.sleep(self._random.choice([0.0, 60.0, 900.0]))
        self._world.calm()
        while self._world.spool:  # noqa: ASYNC110 - people look from time to time
            await asyncio.sleep(1.0)
        # A job that a person holds while its run is under way keeps its slot from others.
        for job in self.held("AND hold_code = 'user'"):
            self._ask(job, Verb.RELEASE, confirmed=False)
        await self._wait()
        for verb in (None, Verb.RELEASE):
            for job in self.held():
                self._ask(job, verb or self._choice(job), confirmed=self._random.random() < 0.5)
            await self._wait()
        await self._give_up()
        for job in self._waiting():
            self._ask(job, Verb.CANCEL, confirmed=False)
        await self._wait()
        if self.held():
            self._world.fail(f"still held after a cancel: {self.held()}")

    async def _give_up(self) -> None:
        """Cancel each held job once; what stood in line for what it had may be held after it."""
        given_up: set[str] = set()
        while held := [job for job in self.held() if job not in given_up]:
            for job in held:
                self._ask(job, Verb.CANCEL, confirmed=self._random.random() < 0.5)
            await self._wait()
            given_up.update(held)

    def held(self, which: str = "") -> list[str]:
        """Return the jobs that wait for a person."""
        sql = f"SELECT id, hold_code FROM job WHERE want = 'hold' {which} ORDER BY seq"  # noqa: S608 - ours
        rows = self._world.conn.execute(sql).fetchall()
        self._world.holds.update(row["hold_code"] for row in rows)
        return [row["id"] for row in rows]

    def _waiting(self) -> list[str]:
        """Return the jobs that wait for what nobody will ever drop; none waits for what failed."""
        for row in self._world.conn.execute(_IN_VAIN).fetchall():
            self._world.fail(f"{row['job']} waits for {row['word']}, which is {row['state']}")
        sql = "SELECT id FROM job WHERE state = 'queued' ORDER BY seq"
        return [row["id"] for row in self._world.conn.execute(sql).fetchall()]

    async def _wait(self) -> None:
        """Wait until nothing moves any more."""
        pause, until = 1.0, self._world.steady() + PATIENCE
        while self._world.spool or (rows := self._world.conn.execute(_RESTLESS).fetchall()):
            if self._world.steady() > until:
                self._world.fail(f"not at rest: {[dict(row) for row in rows]}")
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 60.0)

    def _submit(self) -> None:
        random, job = self._random, id_from_bits(self._random.getrandbits(60))
        inputs = self._write_inputs(job)
        limit = random.choice([None, None, timedelta(seconds=random.choice([1, 20, 200]))])
        wall = self._world.now().wall
        deadline = random.choice([None, None, None, wall + random.choice([-5.0, 30.0, 600.0])])
        servers = self._world.servers
        spec = JobSpec(
            name=random.choice(["wing", "rotor"]),
            backend=self._often(servers[0].name, random.choice(servers).name),
            run={
                "inputs": len(inputs),
                "bad": random.random() < 0.04,
                "parts": random.choice([1, 1, 3]),
            },
            limits=Limits(
                time=limit,
                deadline=None if deadline is None else datetime.fromtimestamp(deadline, UTC),
            ),
            after=self._before(),
            retry=Retry(
                attempts=self._often(1, random.choice([1, 1, 2, 4])),
                delay=timedelta(seconds=random.choice([1, 10, 100])),
                on=frozenset(random.choice([("failed",), ("failed", "timed_out"), ()])),
            ),
        )
        self.jobs.append(job)
        self._world.note("drop", job)
        text = f"# {job}\n".encode()
        lease = self._lease(spec)
        self._world.drop(NewJob(job, spec, text, "job.toml", DROP, 1000, tuple(inputs), lease))

    def _lease(self, spec: JobSpec) -> str | None:
        """Choose what a job needs to itself: a study that all services share, or one of its own."""
        studies = self._studies
        if not self.leased or studies.random() < 0.2:
            return None
        return studies.choice(["the study", "the study", f"a study on {spec.backend}"])

    def _often(self, what: T, else_: T) -> T:
        """Choose what lets a job be given to its place early, where jobs come after others."""
        return what if self.chained and self._order.random() < 0.8 else else_

    def _before(self) -> tuple[str, ...]:
        """Choose what a job comes after: by id, by its beginning, by a name that may never come."""
        order = self._order
        if not self.chained or order.random() < 0.3:
            return ()
        words = ["wing", "rotor", "tail", *self.jobs[-2:], *(job[:4] for job in self.jobs[-1:])]
        weights = [0.5, 0.5, 0.2, *[4.0] * (len(words) - 3)]
        return tuple(dict.fromkeys(order.choices(words, weights, k=order.choice([1, 1, 1, 2]))))

    def _write_inputs(self, job: str) -> list[Input]:
        """Write input files, some of them beside the spec; some die before they are moved on."""
        inputs = []
        for n in range(self._random.choice([0, 0, 1, 2])):
            taken = self._random.random() < 0.5
            home = self._world.home
            place = self._random.choice([home.archive, home.claimed]) if taken else home.root
            path = place / job / DROP / f"in{n}.dat"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * self._random.randrange(9))
            status = path.stat()
            source = path.name if taken else str(path)
            inputs.append(Input(path.name, source, status.st_size, status.st_mtime_ns, taken))
            self._inputs.append(path)
        return inputs

    def _meddle(self) -> None:
        """Ask for something, sensible or not."""
        job, u = self._random.choice(self.jobs), self._random.random()
        if u < 0.15 and self._inputs:
            path = self._random.choice(self._inputs)
            self._world.note("change", path.name)
            path.write_bytes(path.read_bytes() + b"changed")
            return
        if u < 0.5 and (held := self.held()):
            job = self._random.choice(held)
        self._ask(job, self._choice(job), confirmed=self._random.random() < 0.4)

    def _choice(self, job: str) -> Verb:
        """Choose any verb; of a job in doubt, often the one that is made for it."""
        if job in self.held("AND hold_code = 'unknown'") and self._random.random() < 0.6:
            return Verb.ADOPT
        return self._random.choice(list(Verb))

    def _ask(self, job: str, verb: Verb, *, confirmed: bool) -> None:
        remote_id = self._look(job) if verb is Verb.ADOPT else None
        if verb is Verb.ADOPT and remote_id is None:
            return
        id_ = id_from_bits(self._random.getrandbits(60))
        self._world.note(verb, job, "confirmed" if confirmed else "", remote_id or "")
        self._world.drop(Request(id_, verb, job, confirmed, remote_id))

    def _look(self, job: str) -> str | None:
        """Look at the servers for the job's newest run; now and then read the wrong line.

        What is read there must be another run of ours: nobody but the person could tell that a
        name of a stranger's run is wrong.
        """
        row = self._world.conn.execute(_NEWEST, (job,)).fetchone()
        if row is None:
            return None
        server = next(it for it in self._world.servers if it.name == row["backend"])
        others = [
            other["remote_id"]
            for other in self._world.conn.execute(_NAMED, (server.name, row["key"])).fetchall()
        ]
        if others and self._random.random() < 0.3:
            return str(self._random.choice(others))
        remote = server.seen(row["key"])
        return None if remote is None else remote.remote_id
