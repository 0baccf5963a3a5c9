"""One trial: a small home, a fault at one point, a restart, and the judgement."""

import errno
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.daemon import projection
from orchestrator.engine import harvest, loop
from orchestrator.intake import scan
from tests.killing.calls import ON_FILES
from tests.killing.oracle import Judgement, judge
from tests.killing.points import Point
from tests.killing.scenarios import Place, Scenario, prepare
from tests.killing.tracer import HungError, Tracer, Watch

OK, UNSUCCESSFUL, STORAGE_FAILED, KILLED = 0, 1, 74, -9
STARTS = 4  # of the daemon until everything must be at rest
WHOLE_TREE = ("daemon", "supervisor", "run", "producer")

Act = Callable[[Tracer], int | None]
"""What happens at a point: something is killed, or an error number is returned."""


@dataclass(frozen=True)
class Mode:
    """A way to die: at whose points, and what happens there."""

    act: Act
    at: tuple[str, ...]
    only: frozenset[str] = frozenset()  # these calls; all without it

    def has(self, point: Point) -> bool:
        """Whether something happens at such a point."""
        return point.role in self.at and (not self.only or point.call in self.only)


def kill(*roles: str) -> Act:
    """Kill the processes of these roles; all, without one."""

    def act(tracer: Tracer) -> None:
        tracer.kill(*roles)

    return act


def fail(number: int) -> Act:
    """Let the call fail."""
    return lambda _: number


SERVICE = ("daemon", "supervisor")
MODES = {
    "daemon": Mode(kill("daemon"), ("daemon",)),
    "supervisor": Mode(kill("supervisor"), ("supervisor",)),
    "all": Mode(kill(), WHOLE_TREE),
    "eio": Mode(fail(errno.EIO), SERVICE, ON_FILES),
    "enospc": Mode(fail(errno.ENOSPC), SERVICE, ON_FILES),
    "edquot": Mode(fail(errno.EDQUOT), SERVICE, ON_FILES),
}
ERRORS = frozenset({"eio", "enospc", "edquot"})


@dataclass
class Trial:
    """How one trial went: where it hit, the exit codes of the daemon, what was judged."""

    name: str
    hits: list[Point] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    judgement: Judgement = field(default_factory=Judgement)

    @property
    def bad(self) -> list[str]:
        """Everything that must not be."""
        return [*self.judgement.bad, *self.findings]

    def __str__(self) -> str:
        where = " and then ".join(map(str, self.hits))
        return f"{self.name} at {where}: codes {self.codes}: {'; '.join(self.bad) or 'good'}"


def hurry() -> None:
    """Shorten the waits for a disk with room: here it has room again at once."""
    loop.PAUSE_WHEN_FULL = 0.2
    harvest.SPACE_POLL = 0.2
    scan.ROOM_LATER = 0.2
    projection.ROOM_LATER = 0.2


class Sweep:
    """The trials of one scenario, all in the same folder."""

    def __init__(self, scenario: Scenario, root: Path) -> None:
        self.scenario = scenario
        self._place = Place(root / "place")
        self._template = root / "template"
        prepare(scenario, self._place)  # the paths in it are those of the place
        self._place.root.rename(self._template)

    def points(self) -> list[Point]:
        """Return every point of a run in which nothing goes wrong."""
        trial = Trial("counting")
        met: list[Point] = []
        with closing(self._fresh()) as tracer:
            tracer.watch = met.append
            trial.codes.append(tracer.run("daemon", ["serve", "--until-idle"]))
            self._settle(tracer, trial, may_lose=False, may_fail=False)
        if trial.bad or trial.codes[0] > UNSUCCESSFUL:
            raise AssertionError(f"something is wrong without any fault: {trial}")
        return met

    def hit(self, name: str, number: int, then: int | None = None) -> Trial:
        """Let the `number`-th point (from 1) of a mode happen, and recover.

        With `then`, everything is killed at that point of the recovery, too.
        """
        mode, trial = MODES[name], Trial(f"{name} {number}" + (f"+{then}" if then else ""))
        with closing(self._fresh()) as tracer:
            tracer.watch = _aimed(tracer, trial, mode, number)
            self._serve(tracer, trial)
            self._look(tracer, trial, "right after the fault")
            if then is not None:
                tracer.watch = _aimed(tracer, trial, MODES["all"], then)
                self._serve(tracer, trial)
                self._look(tracer, trial, "right after the second fault")
            tracer.watch = lambda _: None
            error_of = trial.hits[0].role if trial.hits and name in ERRORS else ""
            self._settle(
                tracer,
                trial,
                may_lose=name in {"supervisor", "all"} or then is not None,
                may_fail=error_of == "supervisor",
            )
        return trial

    def _fresh(self) -> Tracer:
        shutil.rmtree(self._place.root, ignore_errors=True)
        shutil.copytree(self._template, self._place.root)
        return Tracer(self._place.home.root, self._place.root / "said")

    def _serve(self, tracer: Tracer, trial: Trial) -> None:
        code = tracer.run("daemon", ["serve", "--until-idle"])
        trial.codes.append(code)
        if code not in {OK, UNSUCCESSFUL, STORAGE_FAILED, KILLED}:
            trial.findings.append(f"the daemon ended with {code}: {self._said()}")

    def _look(self, tracer: Tracer, trial: Trial, when: str) -> None:
        """Check the home as it is, in the middle of things."""
        if not self._place.home.database.exists():
            return
        report = self._place.root / "report"
        report.unlink(missing_ok=True)
        watch, tracer.watch = tracer.watch, lambda _: None
        code = tracer.run("looker", ["fsck"], report)
        tracer.watch = watch
        if code != OK:
            trial.findings.append(f"fsck {when}: {code}: {report.read_text()} {self._said()}")

    def _settle(self, tracer: Tracer, trial: Trial, *, may_lose: bool, may_fail: bool) -> None:
        """Start again until the daemon ends by itself; then judge."""
        try:
            for _ in range(STARTS):
                self._serve(tracer, trial)
                if trial.codes[-1] in {OK, UNSUCCESSFUL}:
                    break
            else:
                trial.findings.append(f"it does not come to rest: {self._said()}")
                return
            self._look(tracer, trial, "at rest")
            if tracer.run("looker", ["verify", "--all"], self._place.root / "report") != OK:
                trial.findings.append(f"verify: {(self._place.root / 'report').read_text()}")
        except HungError as error:
            trial.findings.append(f"{error}: {self._said()}")
            return
        trial.judgement = judge(
            self.scenario, self._place, may_lose=may_lose, may_fail=may_fail
        )

    def _said(self) -> str:
        return (self._place.root / "said").read_text()[-500:]


def _aimed(tracer: Tracer, trial: Trial, mode: Mode, number: int) -> Watch:
    """Return a watch that lets a mode happen at its `number`-th point."""
    seen = 0

    def watch(point: Point) -> int | None:
        nonlocal seen
        if not mode.has(point):
            return None
        seen += 1
        if seen != number:
            return None
        trial.hits.append(point)
        return mode.act(tracer)

    return watch


def numbers(points: Sequence[Point], mode: Mode, most: int | None, rng: random.Random) -> list[int]:
    """Return which points of a mode to try: all, or so many of them drawn by chance."""
    mine = [point for point in points if mode.has(point)]
    every = list(range(1, len(mine) + 1))
    if most is None or len(every) <= most:
        return every
    # Of a row of writes to one file, the first and the last tell most.
    telling = [n for n in every if n == 1 or n == len(mine) or not mine[n - 2] == mine[n - 1] == mine[n]]
    return sorted(rng.sample(telling, min(most, len(telling))))


def recoveries(sweep: Sweep, first: Sequence[int], every: int) -> Iterator[Trial]:
    """Kill everything at some points, and again at every so manyth point of what follows."""
    for number in first:
        then = 1
        while True:
            trial = sweep.hit("all", number, then)
            if len(trial.hits) < 2:
                break
            yield trial
            then += every
