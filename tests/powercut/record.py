"""A recording: every change that the scenario made on its disk, and what was told meanwhile."""

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.powercut import scenario
from tests.powercut.changes import Bytes, Change, Inode
from tests.powercut.disk import Image, everything
from tests.powercut.following import TRACED, changes
from tests.powercut.reading import Call, TraceError, calls, data, place
from tests.powercut.tree import Tree

TRIES = 3
_ID_LINE = re.compile(r"[0-9a-z]{12}")
_CANCELLED = re.compile(r"([0-9a-z]{12}): cancel ")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that left the machine, or that people could read, from the moment `end` on."""

    file: str
    text: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the world knew when the power was cut.

    `ids` were printed by `submit`, `cancelled` by `cancel`; `status` are the lines of status.log
    and `ledger` those of the runs.
    """

    ids: frozenset[str]
    cancelled: frozenset[str]
    status: tuple[str, ...]
    ledger: tuple[str, ...]

    def has_taken(self, drop: str) -> bool:
        """Whether people could read that a drop of this name was accepted."""
        return any(f"  accepted from {drop}  " in line for line in self.status)


@dataclass(frozen=True, slots=True)
class Recording:
    """`points` are the moments between which something changed; a cut comes before one of them."""

    root: Inode
    changes: list[Change]
    lines: list[Line]
    points: list[int]

    def told(self, moment: int) -> Told:
        """Return what was known at a moment; a run had begun as soon as it wrote its line."""
        done = [line for line in self.lines if line.end < moment]
        said = [line.text for line in done if line.file == "said"]
        return Told(
            ids=frozenset(text for text in said if _ID_LINE.fullmatch(text)),
            cancelled=frozenset(found[1] for text in said if (found := _CANCELLED.match(text))),
            status=tuple(line.text for line in done if line.file == "status.log"),
            ledger=tuple(
                line.text for line in self.lines if line.file == "ledger" and line.begin < moment
            ),
        )

    def summary(self) -> str:
        """Say how much there is of it."""
        size = sum(len(one.data) for one in self.changes if isinstance(one, Bytes))
        return f"{len(self.changes)} changes, {size / 1e6:.1f} MB, {len(self.points)} moments"


def record(world: Path) -> Recording:
    """Play the scenario in a new world and read what it did.

    The kill in it may cut off a call of which strace cannot tell whether it was done; the recording
    then differs from the disk, and is made anew.
    """
    for left in reversed(range(TRIES)):
        scenario.prepare(world)
        trace(world, [sys.executable, "-m", "tests.powercut.scenario", str(world)])
        try:
            return read(world)
        except TraceError:
            if left == 0:
                raise
            shutil.rmtree(world)
    raise AssertionError


def trace(world: Path, command: list[str]) -> None:
    """Run a command in the environment of a world, and write down every call that changes files."""
    tracer = [
        "strace", "-f", "-qq", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 24),
        "-e", f"trace={','.join(TRACED)}", "-e", "signal=none", "-o", str(world / "trace"),
    ]  # fmt: skip
    with (world / "trace.log").open("wb") as log:
        done = subprocess.run(
            [*tracer, *command],
            env=scenario.world_environment(world),
            stdout=log,
            stderr=log,
            timeout=300,
            check=False,
        )
    if done.returncode != 0:
        raise TraceError(f"{command} failed:\n{(world / 'trace.log').read_text()}")


def read(world: Path) -> Recording:
    """Read a recorded world; raise TraceError when it does not tell all that is on its disk."""
    with (world / "trace").open() as lines_of_trace:
        traced = list(calls(lines_of_trace))
    tree = Tree(str(world / "disk"))
    changed = changes(traced, tree)
    lines = list(_lines(traced, world))
    _compare(world / "disk", everything(tree.root, changed))
    spans = [(one.begin, one.end) for one in changed] + [(one.begin, one.end) for one in lines]
    moments = {moment for span in spans for moment in span}
    last = max(moments) + 1
    return Recording(tree.root, changed, lines, [*sorted(moments), last])


def _lines(traced: Iterable[Call], world: Path) -> Iterable[Line]:
    """Yield every line written outside, and those of status.log; each is written in one call."""
    files = {str(world / "outside" / name): name for name in ("said", "ledger")}
    files[str(world / "disk/home/log/status.log")] = "status.log"
    for call in traced:
        if call.name == "write" and (name := files.get(place(call.arguments[0]) or "")):
            for text in data(call.arguments[1]).decode().splitlines():
                yield Line(name, text, call.begin, call.end)


def _compare(disk: Path, image: Image) -> None:
    """Hold the recording against the real disk, and take the modification times from there.

    The index that SQLite keeps in shared memory is written without calls; it is made anew at the
    first opening, whatever a cut leaves of it.
    """
    real = {str(path.relative_to(disk)): path.lstat() for path in disk.rglob("*")}
    if differ := real.keys() ^ image.keys():
        raise TraceError(f"recorded and real disk differ in {sorted(differ)}")
    for path, status in real.items():
        node = image[path]
        if stat.S_IMODE(status.st_mode) & 0o700 != node.mode and node.inode.kind != "link":
            raise TraceError(f"{path} was recorded with the mode {node.mode:o}")
        if node.inode.kind == "file" and not path.endswith("-shm"):
            if (disk / path).read_bytes() != node.data:
                raise TraceError(f"{path} was recorded with other bytes than it has")
            node.inode.mtime = status.st_mtime_ns
