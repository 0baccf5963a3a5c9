"""One trial: a small home, a fault at one point, restarts, and the judgement."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.core import pacing
from orchestrator.daemon import projection
from orchestrator.engine import harvest, loop
from orchestrator.intake import scan
from tests.killing.modes import KILL_ALL, Mode
from tests.killing.oracle import Grace, Judgement, judge
from tests.killing.points import Point
from tests.killing.scenarios import Place, Scenario, prepare
from tests.killing.tracer import HungError, Tracer, Watch

OK, UNSUCCESSFUL, STORAGE_FAILED, KILLED = 0, 1, 74, -9
UNREADABLE, UPGRADING, UNMADE = 2, "it brings the queue up to date", "has schema 0"
STARTS = 4  # of the daemon until everything must be at rest


@dataclass
class Trial:
    """How one trial went: where it hit, the exit codes of the daemon, what was judged."""

    name: str
    hits: list[Point] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    at_rest: bool = False
    judgement: Judgement = field(default_factory=Judgement)

    @property
    def bad(self) -> list[str]:
        """Everything that must not be."""
        return [*self.judgement.bad, *self.findings]

    def __str__(self) -> str:
        where = " and then at ".join(map(str, self.hits)) or "nothing"
        return f"{self.name} at {where}, exit codes {self.codes}: {'; '.join(self.bad) or 'good'}"


def hurry() -> None:
    """Shorten what waits for a disk with room, which there is again at once, and for lost hints."""
    loop.PAUSE_WHEN_FULL = 0.2
    harvest.SPACE_POLL = 0.2
    scan.ROOM_LATER = 0.2
    projection.ROOM_LATER = 0.2
    pacing.HINTED_POLL = 2.0


class Sweep:
    """The trials of one scenario, all in the same folder."""

    def __init__(self, scenario: Scenario, root: Path) -> None:
        self._scenario = scenario
        self._place = Place(root / "place")
        self._template = root / "template"
        prepare(scenario, self._place)  # the paths in it are those of the place
        self._place.root.rename(self._template)

    def points(self) -> list[Point]:
        """Return every point of a run in which nothing goes wrong."""
        trial, met = Trial("counting"), list[Point]()
        with closing(self._fresh()) as tracer:
            tracer.watch = met.append
            may = self._first(tracer, trial)
            tracer.watch = _let_be
            self._settle(tracer, trial, may)
        if trial.bad:
            raise AssertionError(f"something is wrong without any fault: {trial}")
        return met

    def hit(self, mode: Mode, number: int, then: int | None = None) -> Trial:
        """Let a mode happen at its `number`-th point (from 1), and recover.

        With `then`, everything is killed at that point of the recovery, too.
        """
        trial = Trial(f"{mode.name} {number}" + (f"+{then}" if then else ""))
        with closing(self._fresh()) as tracer:
            tracer.watch = _aimed(tracer, trial, mode, number)
            try:
                may = self._first(tracer, trial)
                self._look(tracer, trial, "right after the fault")
                if then is not None:
                    tracer.watch = _aimed(tracer, trial, KILL_ALL, then)
                    self._serve(tracer, trial)
                    self._look(tracer, trial, "right after the second fault")
                tracer.watch = _let_be
                may |= mode.grace(trial.hits[0]) if trial.hits else set()
                self._settle(tracer, trial, may)
            except HungError as error:
                trial.findings.append(f"{error}: {self._said()}")
        return trial

    def _fresh(self) -> Tracer:
        shutil.rmtree(self._place.root, ignore_errors=True)
        shutil.copytree(self._template, self._place.root)
        return Tracer(self._place.home.root, self._place.root / "said")

    def _first(self, tracer: Tracer, trial: Trial) -> set[Grace]:
        """Run what is swept: the daemon, or a producer. Return what is right by its own word."""
        if not self._scenario.submits:
            self._serve(tracer, trial)
            return set()
        output = self._place.root / "submitted"
        code = tracer.run("producer", ["submit", str(self._place.kit / "one")], output)
        trial.codes.append(code)
        drops = [*self._place.home.spool.iterdir()]
        visible = [path for path in drops if not path.name.startswith(".")]
        if code == KILLED:
            # What was acknowledged by its id must be there; what was not, may be.
            return {"litter"} if output.read_text() else {"litter", "absent"}
        if code != OK and visible:
            trial.findings.append(f"the producer failed with {code}, and yet there is {visible}")
        if not visible and code == OK:
            trial.findings.append("the producer went well, and yet nothing is in the spool")
        return set() if code == OK else {"absent"}

    def _serve(self, tracer: Tracer, trial: Trial) -> None:
        code = tracer.run("daemon", ["serve", "--until-idle"])
        trial.codes.append(code)
        if code not in {OK, UNSUCCESSFUL, STORAGE_FAILED, KILLED}:
            trial.findings.append(f"the daemon ended with {code}: {self._said()}")

    def _look(self, tracer: Tracer, trial: Trial, when: str) -> None:
        """Check the home as it is, also in the middle of things; all else stands still."""
        for command in (["fsck"], ["verify", "--all"]):
            report = self._place.root / "report"
            report.unlink(missing_ok=True)
            watch, tracer.watch = tracer.watch, _let_be
            code = tracer.run("looker", command, report)
            tracer.watch = watch
            said = f"{report.read_text()} {self._said()}"
            begun = UPGRADING in said and UNMADE not in said
            if code == UNREADABLE and begun and not trial.at_rest:
                continue  # killed between two steps of the schema: the next daemon takes the others
            if code != OK:
                trial.findings.append(f"{command[0]} {when}: {code}: {said}")

    def _settle(self, tracer: Tracer, trial: Trial, may: set[Grace]) -> None:
        """Start again until the daemon ends by itself; then judge."""
        for _ in range(STARTS):
            self._serve(tracer, trial)
            if trial.codes[-1] in {OK, UNSUCCESSFUL}:
                break
        else:
            trial.findings.append(f"it does not come to rest: {self._said()}")
            return
        trial.at_rest = True
        self._look(tracer, trial, "at rest")
        trial.judgement = judge(self._scenario, self._place, may)

    def _said(self) -> str:
        said = self._place.root / "said"
        return said.read_text()[-500:] if said.exists() else ""


def _let_be(_: Point) -> None:
    """Let everything happen as it does."""


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
        if mode.error is None:
            tracer.kill(*mode.kills)
        return mode.error

    return watch


def recoveries(sweep: Sweep, number: int, first: int, step: int) -> Iterator[Trial]:
    """Kill everything at one point, and again at every so manyth point of what follows."""
    while True:
        trial = sweep.hit(KILL_ALL, number, first)
        if len(trial.hits) == 1:
            return
        yield trial
        first += step
