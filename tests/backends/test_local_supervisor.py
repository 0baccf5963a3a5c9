"""The supervisor comes when it is needed, serves one daemon, and leaves when nothing runs."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.backend import Absent, Alive, Finished, Lost
from orchestrator.backends.local import KIND
from orchestrator.backends.local.link import supervisor_command
from orchestrator.backends.local.standing import finished
from orchestrator.backends.supervisor.processes import memory_kills
from orchestrator.testing.contract import Place, open_place
from tests.backends.helpers import BODIES, end_of_orphan, gone, polled, supervisor_of


async def test_it_leaves_when_nothing_runs(tmp_path: Path) -> None:
    """A process would stay for ever on a machine that runs no job."""
    await anyio.run_process([*supervisor_command(str(tmp_path)), "0.1"])
    for pid in serving(tmp_path):
        await gone(pid)
    assert (tmp_path / "supervisor.log").read_text() == ""


async def test_only_one_serves_a_folder(place: Place) -> None:
    """Two supervisors would start a run twice."""
    first = await supervisor_of(place)
    await anyio.run_process(supervisor_command(str(place.directory)))
    assert await supervisor_of(place) == first
    assert serving(place.directory) == [first]


async def test_its_files_are_private(place: Place) -> None:
    """Other people of the machine could start programs as us."""
    await place.end(await place.started(place.run("1", {"command": ["true"]})))
    for path in place.directory.rglob("*"):
        assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path


async def test_a_request_of_a_dead_daemon_does_not_come_late(place: Place) -> None:
    """A run that was proved absent, and submitted again, would be started a second time."""
    await supervisor_of(place)
    run = place.run("1", {"command": ["true"]})
    (place.directory / "runs" / run.key / "work").mkdir(parents=True)
    order = {"key": run.key, "argv": ["true"], "env": {}, "cwd": "work"}
    request = {"id": 2, "op": "start", "order": {**order, "time_limit": None, "grace": 1}}
    line = json.dumps(request).encode() + b"\n"
    with raw_connection(place) as dead:
        dead.sendall(b'{"id": 1, "op": "hello"}\n' + line[:50])
        assert json.loads(dead.recv(1000))["id"] == 1
        assert isinstance(await place.backend.find(run), Absent), "on a new connection"
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            dead.sendall(line[50:])
    assert isinstance(await place.backend.find(run), Absent)


@pytest.mark.parametrize(
    "line",
    [b"\0\n", b"[]\n", b'"x"\n', b'{"op": "start"}\n', b"{" * 100_000 + b"\n", b'{"id":1}\n'],
)
async def test_nonsense_does_not_end_it(place: Place, line: bytes) -> None:
    """One bad request would lose the exit status of every run."""
    run = await place.started(place.run("1", {"command": ["sleep", "1000"]}))
    before = await supervisor_of(place)
    with raw_connection(place) as connection:
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1000):
            pass
    assert await supervisor_of(place) == before
    assert isinstance(await place.poll(run), Alive)


async def test_it_lives_on_with_its_runs_when_asked_to_end(place: Place) -> None:
    """`kill` on the supervisor, or a stopping service, would lose the exit status of every run."""
    run = await place.started(place.run("1", {"command": ["sleep", "1000"]}))
    pid = await supervisor_of(place)
    os.kill(pid, signal.SIGTERM)
    assert isinstance(await place.poll(run), Alive)
    await place.backend.cancel(run)
    assert isinstance(await place.end(run), Finished)
    await gone(pid)


async def test_a_shutdown_makes_runs_lost_not_failed(place: Place) -> None:
    """Every reboot would show the jobs it interrupted as failures of their own."""
    run = await place.started(place.run("1", {"command": ["sleep", "1000"]}))
    keeper = psutil.Process(await supervisor_of(place))
    (job,) = keeper.children()
    keeper.terminate()
    await polled(place, run, Alive)
    job.terminate()
    assert isinstance(await end_of_orphan(place, run), Lost)


async def test_a_home_may_have_a_long_path(tmp_path: Path) -> None:
    """A socket's path is limited to 108 bytes: a daemon in a deep home would never run a job."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    async with open_place(KIND, KIND.options(), deep, BODIES) as place:
        end = await place.end(await place.started(place.run("1", {"command": ["true"]})))
        assert isinstance(end, Finished)
        assert end.ok


async def test_a_supervisor_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The daemon could only say that local runs do not work."""
    (tmp_path / "runs").write_text("in the way")
    done = await anyio.run_process(
        supervisor_command(str(tmp_path)), check=False, stderr=subprocess.PIPE
    )
    assert done.returncode == 1
    assert b"the supervisor cannot start" in done.stderr


async def test_it_stays_small(place: Place) -> None:
    """The process that outlives the daemon would weigh as much as the daemon."""
    assert psutil.Process(await supervisor_of(place)).memory_info().rss < 20 * 1024 * 1024


def serving(directory: Path) -> list[int]:
    """Return the supervisors of a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(directory) in process.cmdline():
                found.append(process.pid)
    return found


def raw_connection(place: Place) -> socket.socket:
    """Connect as another daemon would; its path may be too long to connect to directly."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(place.directory, os.O_RDONLY)
    try:
        connection.connect(f"/proc/self/fd/{folder}/supervisor.sock")
    finally:
        os.close(folder)
    connection.settimeout(10)
    return connection


@pytest.mark.parametrize(("kills", "told"), [(0, False), (2, True)])
def test_a_run_that_died_while_memory_ran_out_says_so(kills: int, *, told: bool) -> None:
    """Somebody would look for a fault in his program, or in ours, that is not there."""
    end = dict.fromkeys(("code", "stopped", "reason", "unsynced", "left_behind"))
    end |= {"signal": 9, "wall_seconds": 1.0, "cpu_seconds": 0.5}
    end |= {"memory_kills": kills, "max_rss_bytes": 300 << 20}
    reason = finished(end).reason
    assert reason.startswith("killed by SIGKILL after 1.0 s")
    words = "the kernel killed for want of memory meanwhile, and this run's largest process had 300"
    assert (words in reason) is told


def test_the_kernel_says_how_often_memory_ran_out() -> None:
    """A kernel that tells it in another way would never be heard."""
    counted = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    assert memory_kills() == int(counted["oom_kill"])
