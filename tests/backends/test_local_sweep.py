"""The supervisor is killed at every kind of moment of a run's start and end."""

import contextlib
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from orchestrator.backend import Absent, BackendError, Finished, Found, Lost
from orchestrator.testing.contract import Place
from tests.backends.helpers import counted, end_of_orphan, gone, supervisor_of

CALLS = {  # what the supervisor calls for one run, and how often at least in one of its threads
    "recvfrom": 1, "openat": 10, "newfstatat": 12, "flock": 1, "fchdir": 2, "lseek": 4,
    "write": 2, "fsync": 2, "close": 10, "prlimit64": 1, "clone3": 1, "munmap": 2, "read": 5,
    "sendto": 3, "poll": 2, "waitid": 3, "kill": 1, "wait4": 1, "renameat": 1, "getdents64": 2,
}  # fmt: skip
MOMENTS = [(call, number) for call, times in CALLS.items() for number in range(1, times + 1)]


needs_strace = pytest.mark.needs("strace")


@asynccontextmanager
async def traced(pid: int, calls: str, log: Path, *more: str) -> AsyncIterator[None]:
    """Trace the threads of a process, but not its children, into a file."""
    threads = threads_of(pid)
    whom = [word for thread in threads for word in ("-p", thread)]
    command = ["strace", "-y", "-o", str(log), "-e", f"trace={calls}", *more, *whom]
    async with await anyio.open_process(command, stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        heard = b""
        with anyio.fail_after(30):
            while heard.count(b"attached") < len(threads):
                heard += await tracer.stderr.receive()
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                tracer.terminate()


def threads_of(pid: int) -> list[str]:
    """Return the threads of a process."""
    return [path.name for path in Path(f"/proc/{pid}/task").iterdir()]


@needs_strace
async def test_proofs_are_on_the_disk_before_what_they_prove(place: Place, tmp_path: Path) -> None:
    """A power cut would start a job twice, or leave a success whose files are empty."""
    pid, log = await supervisor_of(place), tmp_path / "trace"
    run = place.run("1", {"script": "mkdir d; echo x > d/out; echo y"})
    async with traced(pid, "fsync,clone3,vfork,clone,renameat,renameat2", log):
        await place.end(await place.started(run))
    folder = str(place.directory / "runs" / run.key)
    steps = [
        step.replace(folder, "RUN").partition(" = ")[0]
        for step in re.findall(r"^(?:\d+ +)?(\w+\(.*)", log.read_text(), re.MULTILINE)
    ]
    told = [re.sub(r"\d+<([^>]*)>", r"\1", step) for step in steps]
    started, spawned = told.index("fsync(RUN/started.json)"), index(told, "clone", "vfork")
    assert started < told.index("fsync(RUN)") < spawned
    ended = index(told, "renameat")
    for name in ("stdout", "work", "work/d", "work/d/out", ".exit.json.tmp"):
        assert spawned < told.index(f"fsync(RUN/{name})") < ended, name
    assert "fsync(RUN)" in told[ended:]


def index(steps: list[str], *calls: str) -> int:
    """Return where one of these calls first is."""
    return next(number for number, step in enumerate(steps) if step.startswith(calls))


@pytest.mark.long
@needs_strace
@pytest.mark.parametrize(("call", "number"), MOMENTS)
async def test_a_supervisor_killed_anywhere_never_runs_twice(
    place: Place, tmp_path: Path, call: str, number: int
) -> None:
    """A crash at one unlucky moment would run a job twice, or claim an end that was not."""
    pid = await supervisor_of(place)
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    async with traced(pid, call, tmp_path / "trace", "-e", inject):
        await survived(place)
        await gone(pid)  # the kill did come


async def survived(place: Place) -> None:
    """Submit a run as the engine does, whatever happens; check that it was started once at most."""
    run, count = counted(place, then="exit 3")
    for _ in range(5):
        try:
            await place.backend.submit(run)
            break
        except BackendError:
            found = await place.backend.find(run)
            if isinstance(found, Found):
                break
            assert isinstance(found, Absent)
    end = await end_of_orphan(place, run)
    lines = count.read_text() if count.exists() else ""
    if isinstance(end, Finished):
        assert (end.exit_code, lines) == (3, "started\n")
    else:
        assert isinstance(end, Lost)
        assert lines in {"", "started\n"}
