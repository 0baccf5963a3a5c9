"""A program that writes a file in the way of some tool, one step for each line it is given.

    python tests/input/writer.py WAY PATH

It says "ready" first and a line after each step, and ends with its input. It imports nothing of
ours, so that a hundred of them start quickly.
"""

import mmap
import os
import sys
from collections.abc import Iterator
from pathlib import Path

TEXT = b'name = "trickle"\nrun.command = ["true"]\n[run.env]\nA = "1"\n[limits]\ntime = "1h"\n'
SIZE = 2  # bytes at once
PIECES = [TEXT[at : at + SIZE] for at in range(0, len(TEXT), SIZE)]


def held(path: Path) -> Iterator[None]:
    """As `>`: one open file, a piece at a time."""
    with path.open("wb", buffering=0) as file:
        for piece in PIECES:
            file.write(piece)
            yield


def appended(path: Path) -> Iterator[None]:
    """As `>>` in a loop: opened and closed for each piece."""
    for piece in PIECES:
        with path.open("ab") as file:
            file.write(piece)
        yield


def rewritten(path: Path) -> Iterator[None]:
    """As an editor that writes in place: emptied, and written anew, longer each time."""
    for end in range(1, len(PIECES) + 1):
        path.write_bytes(b"".join(PIECES[:end]))
        yield


def saved_as_vim(path: Path) -> Iterator[None]:
    """As vim: the old file becomes a backup, the new one is written, the backup goes."""
    backup = path.with_name(f"{path.name}~")
    for end in range(1, len(PIECES) + 1):
        if path.exists():
            path.rename(backup)
        yield
        path.write_bytes(b"".join(PIECES[:end]))
        yield
        backup.unlink(missing_ok=True)


def renamed(path: Path) -> Iterator[None]:
    """As rsync and most editors: a hidden file that takes the place of another when it is whole."""
    hidden = path.with_name(f".{path.name}.Xq3h2a")
    path.write_bytes(PIECES[0])
    with hidden.open("wb", buffering=0) as file:
        for piece in PIECES:
            file.write(piece)
            path.touch()
            yield
    hidden.replace(path)


def preallocated(path: Path) -> Iterator[None]:
    """As a download: at its full length from the beginning, filled from the end."""
    with path.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, len(TEXT))
        yield
        for number in reversed(range(len(PIECES))):
            os.pwrite(file.fileno(), PIECES[number], SIZE * number)
            yield


def mapped(path: Path) -> Iterator[None]:
    """Through memory, its file closed long before: no call tells of such a write."""
    path.write_bytes(b"\n" * len(TEXT))
    with path.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), len(TEXT))
    for number, piece in enumerate(PIECES):
        memory[SIZE * number : SIZE * number + len(piece)] = piece
        yield
    memory.flush()
    memory.close()


def handed_on(path: Path) -> Iterator[None]:
    """As `(sleep; echo) > file &`: whoever opened it is gone, and a child goes on writing."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    first, second = os.pipe()
    if not (child := os.fork()):
        os.close(second)
        while os.read(first, 1):
            pass
        os.write(file, b"".join(PIECES[1:]))
        os._exit(0)
    os.close(first)
    os.write(file, PIECES[0])
    os.close(file)
    for _ in PIECES[1:]:
        yield
    os.close(second)
    os.waitpid(child, 0)


def folder(path: Path) -> Iterator[None]:
    """As `cp -r`: the job file first, and one input after the other."""
    path.mkdir()
    (path / "job.toml").write_bytes(TEXT)
    for number, piece in enumerate(PIECES):
        with (path / f"{number}.inp").open("wb", buffering=0) as file:
            file.write(piece[:1])
            yield
            file.write(piece[1:])


WAYS = {
    "held": held,
    "appended": appended,
    "rewritten": rewritten,
    "saved as vim": saved_as_vim,
    "renamed": renamed,
    "preallocated": preallocated,
    "mapped": mapped,
    "handed on": handed_on,
    "folder": folder,
}


def main() -> None:
    """Do a step for each line; say "done" once there are no more."""
    steps = WAYS[sys.argv[1]](Path(os.fsdecode(sys.argv[2])))
    _say("ready")
    for _ in sys.stdin:
        _say("done" if next(steps, steps) is steps else "more")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
