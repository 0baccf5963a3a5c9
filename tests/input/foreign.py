"""What is no plain file: fifos, devices, links, holes of a terabyte, folders too full and too deep.

Each lies alone in the spool, in a dropped folder, and deep inside one.
"""

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.input.case import Case, Verdict
from tests.input.group import GOOD

Make = Callable[[Path], None]

TERABYTE = 1 << 40
OTHER_USER = 4242
TREES = 500
ONLY = "only regular files and folders are accepted"


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path may only be 107 bytes long
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def _device(kind: int, major: int, minor: int) -> Make:
    return lambda path: os.mknod(path, kind | 0o666, os.makedev(major, minor))


def _link(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def _itself(path: Path) -> None:
    path.symlink_to(path.name)


def _hard(path: Path) -> None:
    home = next(it for it in path.parents if it.name == "spool").parent
    other, name = tempfile.mkstemp(dir=home)
    os.write(other, GOOD)
    os.close(other)
    path.hardlink_to(name)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(TERABYTE)


def _mesh(path: Path) -> None:
    path.write_bytes(b"mesh")


def _of_another(path: Path) -> None:
    path.write_bytes(GOOD)
    os.chown(path, OTHER_USER, -1)


def _with_mode(mode: int) -> Make:
    def make(path: Path) -> None:
        path.write_bytes(GOOD)
        path.chmod(mode)

    return make


# What each is, how to make it, and what is said of it; nothing is said of what is taken.
KINDS: dict[str, tuple[Make, str]] = {
    "fifo": (os.mkfifo, f"is a fifo; {ONLY}"),
    "socket": (_socket, f"is a socket; {ONLY}"),
    "link to a file": (_link("/etc/passwd"), f"is a symbolic link; {ONLY}"),
    "link to a secret": (_link("/etc/shadow"), f"is a symbolic link; {ONLY}"),
    "link to a folder": (_link("/etc"), f"is a symbolic link; {ONLY}"),
    "link to nothing": (_link("/no/such"), f"is a symbolic link; {ONLY}"),
    "link to itself": (_itself, f"is a symbolic link; {ONLY}"),
    "link upwards": (_link(".."), f"is a symbolic link; {ONLY}"),
    "link to a device": (_link("/dev/zero"), f"is a symbolic link; {ONLY}"),
    "hard link": (_hard, "has 2 names (hard links); drop a copy instead"),
    "sparse": (_sparse, "more than"),
    "set-uid": (_with_mode(0o4755), ""),
    "read-only": (_with_mode(0o400), ""),
}
OF_ROOT: dict[str, tuple[Make, str]] = {  # only root can make these
    "character device": (_device(0o020000, 1, 5), f"is a device; {ONLY}"),
    "terminal": (_device(0o020000, 5, 0), f"is a device; {ONLY}"),
    "block device": (_device(0o060000, 7, 250), f"is a device; {ONLY}"),
    "of another user": (_of_another, f"belongs to another user (uid {OTHER_USER})"),
}
CLOSED = {"unreadable": (_with_mode(0), "cannot be read by the daemon")}  # root reads all the same


def _kinds() -> dict[str, tuple[Make, str]]:
    return {**KINDS, **(OF_ROOT if os.geteuid() == 0 else CLOSED)}


def cases(chance: Random) -> list[Case]:
    """Return each kind in each place, folders at their limits, and trees grown by chance."""
    found = []
    for kind, (make, says) in _kinds().items():
        verdict: Verdict = "rejected" if says else "accepted"
        alone = says.replace("more than", "is larger than")
        found += [
            Case(f"{kind}.toml".encode(), make, verdict, alone),
            Case(f"{kind} inside".encode(), _inside(make, "odd.dat"), verdict, says),
            Case(f"{kind} deep".encode(), _inside(make, "a/b/c/d/odd.dat"), verdict, says),
            Case(
                f"{kind} for a job".encode(),
                _as_job(make),
                verdict if kind != "sparse" else "rejected",
            ),
        ]
    trees = [Case(b"tree-%03d" % it, _tree(chance.randrange(2**32)), "any") for it in range(TREES)]
    return [*found, *_folders(), *_many(), *trees]


def _inside(make: Make, name: str, spec: bytes = GOOD) -> Make:
    """A folder with a good job file, and something else below it."""

    def whole(path: Path) -> None:
        (path / name).parent.mkdir(parents=True)
        (path / "job.toml").write_bytes(spec)
        make(path / name)

    return whole


def _as_job(make: Make) -> Make:
    """A folder whose job file is something else."""

    def whole(path: Path) -> None:
        path.mkdir()
        make(path / "job.toml")

    return whole


def _folders() -> list[Case]:
    def empty(path: Path) -> None:
        path.mkdir()

    def unnamed(path: Path) -> None:
        path.mkdir()
        (path / "mesh.inp").write_bytes(b"mesh")

    def two(path: Path) -> None:
        path.mkdir()
        (path / "job.toml").write_bytes(GOOD)
        (path / "job.yaml").write_bytes(GOOD)

    def folder_as_job(path: Path) -> None:
        (path / "job.toml").mkdir(parents=True)

    def nested(levels: int) -> Make:
        return _inside(_mesh, "/".join(["d"] * levels) + "/x")

    def long_path(path: Path) -> None:
        path.mkdir()
        (path / "job.toml").write_bytes(GOOD)
        here = os.open(path, os.O_RDONLY)
        for _ in range(5):
            os.mkdir("n" * 250, dir_fd=here)
            inner = os.open("n" * 250, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(here)

    return [
        Case(b"empty folder", empty, "rejected", "it holds no job.toml"),
        Case(b"folder without a job", unnamed, "rejected", "it holds no job.toml"),
        Case(b"folder in folder", folder_as_job, "rejected", "it holds no job.toml"),
        Case(b"two jobs", two, "rejected", "it holds job.toml and job.yaml; keep one of them"),
        Case(b"deep enough", nested(15), "accepted"),
        Case(b"too deep", nested(16), "rejected", "lies more than 16 folders deep"),
        Case(b"far too deep", nested(200), "rejected", "lies more than 16 folders deep"),
        Case(b"long path", long_path, "rejected", "has a path of more than 1000 bytes"),
        Case(
            b"cancel.request.json", nested(1), "rejected", "is a folder; a request is a single file"
        ),
        Case(b"job.toml", nested(1), "accepted"),
    ]


def _many() -> list[Case]:
    def crowd(count: int) -> Make:
        def make(path: Path) -> None:
            path.mkdir()
            (path / "job.toml").write_bytes(GOOD)
            for number in range(count - 1):
                (path / f"{number}").touch()

        return make

    says = "holds more than 10000 files and folders"
    return [
        Case(b"as many as may be", crowd(10_000), "accepted"),
        Case(b"one too many", crowd(10_001), "rejected", says),
        Case(b"far too many", crowd(30_000), "rejected", says),
    ]


PARTS = ["\n", "\x1b[2J", "\udcff", " ", "'", "$(id)", "\u202e", "..", "-", "*", "a", "\u0301", "A"]
SUFFIXES = [".toml", ".json", "", ".request.json", ".inp", ".tmp", ".orch-0123456789ab.toml"]
DATA = [GOOD, b"", b"bad", b"x" * 5000, b'{"request": "hold", "job": "nobody"}']


def _tree(seed: int) -> Make:
    """A folder of anything, under any names, at any depth; grown anew from its seed."""

    def make(path: Path) -> None:
        chance = Random(seed)
        path.mkdir()
        (path / chance.choice(["job.toml", "job.toml", "job.yaml"])).write_bytes(GOOD)
        _grow(chance, path, 1, chance.choice([0.0, 0.02, 0.1, 0.5]))

    return make


def _grow(chance: Random, folder: Path, depth: int, wild: float) -> None:
    """Fill a folder; `wild` is how likely each name and each thing is an odd one."""
    odd = [make for make, _ in _kinds().values()]
    for number in range(chance.randint(0, 5)):
        parts = chance.choices(PARTS, k=3) if chance.random() < wild else ["part"]
        path = folder / f"{''.join(parts)}{number}{chance.choice(SUFFIXES)}"
        if chance.random() < wild:
            chance.choice(odd)(path)
        elif chance.random() < 0.3 and depth < 5:
            path.mkdir()
            _grow(chance, path, depth + 1, wild)
        else:
            path.write_bytes(chance.choice(DATA))
