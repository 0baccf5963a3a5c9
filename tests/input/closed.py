"""What the daemon's user may not read or move.

Root may everything, so intake runs in a process that gives root up:

    python -m tests.input.closed FOLDER

prints what it came to as JSON.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.input.case import Case, Tally
from tests.input.group import GOOD, Means
from tests.input.house import opened_house, settled, throw

ROOT = Path(__file__).parents[2]
NOBODY = 65534
UNMOVED = "it cannot be moved out of the spool"
UNREAD = "cannot be read"


async def closed(means: Means) -> Tally:
    """Drop what is closed to the daemon; as root, also what belongs to root."""
    program = [sys.executable, "-m", "tests.input.closed", str(means.folder)]
    process = await asyncio.create_subprocess_exec(
        *program, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        return Tally("", crashed=[err.decode(errors="replace")[-2000:]])
    return Tally(**json.loads(out))


def _with_mode(mode: int, *inside: str) -> Callable[[Path], None]:
    """A file, or a folder of files; closed as the mode says."""

    def make(path: Path) -> None:
        if inside:
            path.mkdir()
        else:
            path.write_bytes(GOOD)
        for name in inside:
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(GOOD)
        path.chmod(mode)

    return make


def _closed_below(path: Path) -> None:
    _with_mode(0o755, "job.toml", "sub/mesh.inp")(path)
    (path / "sub").chmod(0)


OWN = [
    Case(b"unreadable.toml", _with_mode(0), "rejected", UNREAD),
    Case(b"read-only.toml", _with_mode(0o400), "accepted"),
    Case(b"write-only.toml", _with_mode(0o200), "rejected", UNREAD),
    Case(b"read-only folder", _with_mode(0o555, "job.toml"), "left", UNMOVED),
    Case(b"folder without x", _with_mode(0o644, "job.toml"), "any"),
    Case(b"closed folder", _with_mode(0, "job.toml"), "left", UNMOVED),
    Case(b"closed below", _closed_below, "rejected", f"sub: {UNREAD}"),
]
OF_ROOT = [  # in a spool whose sticky bit keeps everybody from moving what is not his
    Case(b"of root.toml", _with_mode(0o644), "left", UNMOVED),
    Case(b"secret of root.toml", _with_mode(0o600), "left", UNMOVED),
    Case(b"folder of root", _with_mode(0o755, "job.toml"), "left", UNMOVED),
]


async def _run(folder: Path) -> Tally:
    # Our own files may be closed to nobody, too: have everything read that is needed.
    await throw(folder, [Case(b"good.toml", GOOD), Case(b"bad.toml", b"")])
    home, is_root = folder / "closed", os.geteuid() == 0
    (home / "spool").mkdir(parents=True)
    for case in OF_ROOT if is_root else []:
        assert not isinstance(case.content, bytes)
        case.content(home / "spool" / os.fsdecode(case.name))
    os.chdir(home)  # the folders above may be closed to others
    if is_root:
        (home / "spool").chmod(0o1777)
        os.chown(home, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    async with opened_house(Path()) as house:
        drops = [house.put(case) for case in OWN]
        drops += [house.note(case) for case in OF_ROOT if is_root]
        tally = await settled(house, drops)
        for _ in range(5):  # once is enough: the log would be full of it by tomorrow
            if (again := await house.scan(10.0)).rejected:
                tally.wrong.append(f"told again: {again.rejected[0].reason}")
        for path in house.home.spool.iterdir():
            if path.stat().st_uid == os.geteuid():
                path.chmod(0o755)
    return tally


if __name__ == "__main__":
    os.umask(0o022)
    sys.stdout.write(json.dumps(asdict(asyncio.run(_run(Path(sys.argv[1]))))))
