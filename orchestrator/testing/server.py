"""The far side of a simulated backend: it outlives crashes of the daemon, and knows the truth."""

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from orchestrator.backend import Output, Run, Traits
from orchestrator.testing.faults import Faults

SLOWEST_RUN = 900.0


@dataclass(frozen=True, slots=True)
class Character:
    """A class of services: what they promise, and how late they are.

    `lag` is how long a started run stays out of every listing; `late` how long after a request was
    sent it may still be executed. What `traits` promise holds: `absence_window` covers both.
    `sets_up` says that a start needs a ticket that was asked for before; `sticks` is how often a
    run seems to stand still.
    """

    traits: Traits
    lag: float = 0.0
    late: float = 0.0
    dedupes: bool = False
    sets_up: bool = False
    sticks: float = 0.0


CHARACTERS: Mapping[str, Character] = {
    "listing": Character(Traits(absence_window=181.0), lag=60.0, late=120.0),
    "batch": Character(Traits(absence_window=31.0, poll_batch=4), lag=10.0, late=20.0),
    "never": Character(Traits(absence_window=None, poll_batch=2), lag=20.0, late=100.0),
    "local": Character(
        Traits(absence_window=0.0, poll_batch=16, hints=True, keeps_time_limit=True), dedupes=True
    ),
}
STUDY = Character(Traits(stops=False), lag=20.0, late=60.0, sets_up=True, sticks=0.3)
"""Of a class of its own: it says nothing that proves absence, and nothing stops what it started."""


@dataclass(slots=True, kw_only=True)
class Remote:
    """One run as the server knows it: `ends` is when, `knowable` whether anybody can tell how.

    `behind` are the runs that must have ended well before it begins; then it `takes` so many
    seconds. `passes` says whether the server lets go what is behind it: it may be content with
    what is not `ok`. `stuck` says that nothing seems to move: for a while, or for ever though its
    work is over.
    """

    key: str
    job: str
    remote_id: str
    token: str
    started: float
    visible: float
    ends: float
    ok: bool
    knowable: bool
    outputs: dict[str, bytes]
    growing: int
    copied: bool
    passes: bool
    behind: "tuple[Remote, ...]" = ()
    takes: float = 0.0
    stuck: Literal["for a while", "for ever"] | None = None
    stopped: str | None = None
    gone: bool = False
    forgotten: bool = False


@dataclass(slots=True)
class Server:
    """One service, with its own time and chance. `witness` is told of every start before it.

    `lenient` is how often it calls well what we call a failure.

    `parts` counts what has come over of each input, by key and name; `tickets` how often a start
    was prepared; `adopted` are the keys of runs
    that a person named, so that our side was not told what the service tells of them.
    """

    name: str
    character: Character
    random: Random
    faults: Faults
    clock: Callable[[], float]
    witness: Callable[[Run], None]
    hint: Callable[[str], None]
    runs: dict[str, Remote] = field(default_factory=dict)
    starts: Counter[str] = field(default_factory=Counter)
    pending: list[Run] = field(default_factory=list)
    outage: tuple[float, float] = (0.0, 0.0)
    parts: dict[tuple[str, str], int] = field(default_factory=dict)
    tickets: int = 0
    adopted: set[str] = field(default_factory=set)
    lenient: float = 0.0
    held_back: list[Remote] = field(default_factory=list)

    @property
    def is_down(self) -> bool:
        """Whether nothing gets through to it now."""
        return self.faults.on and self.outage[0] <= self.clock() < self.outage[1]

    def set_up(self) -> str:
        """Return what a start must be asked for with."""
        self.tickets += 1
        return f"ticket {self.tickets}"

    def start(self, run: Run) -> Remote:
        """Start the work of a run. A server that does not dedupe starts it as often as asked."""
        if self.character.dedupes and run.key in self.runs:
            return self.runs[run.key]
        self.witness(run)
        self.starts[run.key] += 1
        now = self.clock()
        takes = self.random.choice([0.0, 1.0, 30.0, 300.0, SLOWEST_RUN]) * self.random.random()
        remote = Remote(
            key=run.key,
            job=run.job_id,
            remote_id=f"{self.name}-{len(self.runs)}-{self.random.randrange(1000)}",
            token=f"{self.random.getrandbits(32):x}",
            started=now,
            visible=now + self.character.lag * self.random.random(),
            ends=now + takes,
            ok=self.random.random() < 0.7,
            knowable=not self.faults.strikes("lost end"),
            outputs=_outputs(run, self.random),
            growing=self.random.randrange(1, 4) if self.faults.strikes("growing output") else 0,
            copied=self.faults.strikes("copied run"),
            passes=False,
        )
        remote.passes = remote.ok or (self.lenient > 0 and self.random.random() < self.lenient)
        if self.character.sticks and self.random.random() < self.character.sticks:
            remote.stuck = self.random.choice(["for a while", "for ever"])
        limit = run.time_limit
        if self.character.traits.keeps_time_limit and limit is not None and limit < takes:
            remote.ends, remote.stopped, remote.ok = now + limit, "time_limit", False
            remote.passes = False
        self.runs[run.key] = remote
        if run.after:
            self._hold_back(remote, run.after)
        self._hint_at_end(remote)
        return remote

    def _hold_back(self, remote: Remote, after: tuple[str, ...]) -> None:
        """Let a run begin when others have ended well."""
        remote.behind = tuple(one for one in self.runs.values() if one.remote_id in after)
        remote.takes, remote.ends = remote.ends - remote.started, math.inf
        self.held_back.append(remote)
        self._let_go()

    def _let_go(self) -> None:
        """Begin what was held back long enough, and end what is not to begin any more."""
        for remote in list(self.held_back):
            left = [one for one in remote.behind if not self.has_ended(one)]
            spoilt = any(self.has_ended(one) and not one.passes for one in remote.behind)
            if left and not spoilt and not math.isfinite(remote.ends):
                continue
            self.held_back.remove(remote)
            if math.isfinite(remote.ends):
                continue  # it was stopped
            remote.ends = self.clock() + (0.0 if spoilt else remote.takes)
            if spoilt:
                remote.ok = remote.passes = False
            self._hint_at_end(remote)
        ends = [one.ends for remote in self.held_back for one in remote.behind]
        ahead = [end - self.clock() for end in ends if self.clock() < end < math.inf]
        if ahead:
            asyncio.get_running_loop().call_later(min(ahead), self._let_go)

    def start_late(self, run: Run) -> None:
        """Start a run some time after the request for it came in."""
        self.pending.append(run)

        def begin() -> None:
            self.pending.remove(run)
            self.start(run)

        delay = self.character.late * self.random.random()
        asyncio.get_running_loop().call_later(delay, begin)

    def seen(self, key: str) -> Remote | None:
        """Return the run with a key, as far as a listing shows it now."""
        remote = self.runs.get(key)
        if remote is None or remote.forgotten or self.clock() < remote.visible:
            return None
        return remote

    def has_ended(self, remote: Remote) -> bool:
        """Whether a run's work is over."""
        return self.clock() >= remote.ends

    def live(self, job: str) -> list[str]:
        """Return the keys of a job's runs whose work goes on, or may still begin."""
        going = [r.key for r in self.runs.values() if r.job == job and not self.has_ended(r)]
        return going + [run.key for run in self.pending if run.job_id == job]

    def stop(self, remote: Remote) -> None:
        """End a run before its time, perhaps not at once."""
        delay = self.random.random() * (200.0 if self.faults.strikes("late cancel") else 1.0)
        if self.clock() + delay < remote.ends:
            remote.ends, remote.ok = self.clock() + delay, False
            remote.stopped, remote.passes = "cancel", False
            self._hint_at_end(remote)
            self._let_go()

    def listing(self, remote: Remote) -> list[Output]:
        """Return what an ended run left; what still grows is announced with a passing size."""
        if self.faults.strikes("gone output"):
            remote.gone = True
        short = 1 if self.faults.on and remote.growing > 0 else 0
        remote.growing -= 1
        vouches = self.random.random() < 0.5
        return [
            Output(
                name,
                size=len(data) - short if vouches or short else None,
                sha256=hashlib.sha256(data).hexdigest() if vouches and not short else None,
                log=name == "stdout",
            )
            for name, data in remote.outputs.items()
        ]

    def _hint_at_end(self, remote: Remote) -> None:
        if not self.character.traits.hints or self.faults.strikes("lost hint"):
            return
        if not math.isfinite(remote.ends):
            return
        delay = max(0.0, remote.ends - self.clock())
        asyncio.get_running_loop().call_later(delay, self.hint, remote.key)


def _outputs(run: Run, random: Random) -> dict[str, bytes]:
    """Return files whose bytes tell whose they are."""
    names = ["stdout", "result.dat", "plots/a.png", "plots/../../b", "RESULT.DAT", "e\x1b[0m"]
    chosen = random.sample(names, random.randrange(len(names)))
    return {name: f"{run.key} {name} {random.getrandbits(64):x}\n".encode() for name in chosen}
