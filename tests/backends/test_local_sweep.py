"""The supervisor is killed at every kind of moment of a run's start and end."""

import shutil
import subprocess
from pathlib import Path

import anyio
import pytest

from orchestrator.backend import Absent, BackendError, Finished, Found, Lost
from orchestrator.testing.contract import Place
from tests.backends.helpers import counted, end_of_orphan, gone, supervisor_of

CALLS = {  # what the supervisor calls for one run, and how often at least in one of its threads
    "recvfrom": 1, "openat": 10, "newfstatat": 12, "flock": 1, "fchdir": 2, "lseek": 4,
    "write": 3, "fsync": 2, "close": 10, "prlimit64": 1, "clone3": 1, "munmap": 2, "read": 5,
    "sendto": 3, "poll": 3, "waitid": 4, "kill": 1, "wait4": 1, "renameat": 1, "getdents64": 2,
}  # fmt: skip
MOMENTS = [(call, number) for call, times in CALLS.items() for number in range(1, times + 1)]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(("call", "number"), MOMENTS)
async def test_a_supervisor_killed_anywhere_never_runs_twice(
    place: Place, call: str, number: int
) -> None:
    """A crash at one unlucky moment would run a job twice, or claim an end that was not."""
    pid = await supervisor_of(place)
    threads = [word for thread in threads_of(pid) for word in ("-p", thread)]
    trace = ["strace", "-o", "/dev/null", "-e", f"trace={call}", *threads]
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    tracer = await anyio.open_process([*trace, "-e", inject], stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    heard = b""
    with anyio.fail_after(30):
        while heard.count(b"attached") < len(threads) // 2:
            heard += await tracer.stderr.receive()
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
    await gone(pid)  # the kill did come
    await tracer.aclose()


def threads_of(pid: int) -> list[str]:
    """Return the threads of a process; its children are not meant."""
    return [path.name for path in Path(f"/proc/{pid}/task").iterdir()]
