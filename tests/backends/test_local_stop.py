"""What is stopped ends, whatever it did to live on; what must not be stopped lives."""

import json
import os
import sys
from collections.abc import Awaitable, Callable

import psutil
import pytest
from pydantic import JsonValue

from orchestrator.backend import Alive, Finished, Lost
from orchestrator.testing.contract import Place
from tests.backends.helpers import end_of_orphan, gone, kill_supervisor, polled

Told = Callable[[], Awaitable[list[str]]]

TELL = "import os, signal, subprocess, sys, time\ntell = '../../../../told'\n"
HIDING = {
    "a child": "subprocess.Popen(['sleep', '1000'])",
    "a session of its own": "subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "and without our variables": (
        "subprocess.Popen(['sleep', '1000'], start_new_session=True, env={}, close_fds=False)"
    ),
    "an orphan": (
        "subprocess.Popen(['sh', '-c', 'sleep 1000 & echo $!'],"
        " start_new_session=True, stdout=subprocess.PIPE)"
    ),
}


def leaving(how: str, then: str) -> dict[str, JsonValue]:
    """Return a run that starts a process in some way and tells which, and then does something."""
    pid = "int(child.stdout.readline())" if "echo" in how else "child.pid"
    code = f"{TELL}child = {how}\npid = {pid}\nopen(tell, 'w').write(str(pid))\n{then}"
    return {"command": [sys.executable, "-c", code]}


@pytest.mark.parametrize("how", HIDING.values(), ids=HIDING)
async def test_cancel_ends_what_the_run_started(place: Place, told: Told, how: str) -> None:
    """A cancelled job's solver would go on in the background, writing where the next one does."""
    run = await place.started(place.run("1", leaving(how, "time.sleep(1000)")))
    (pid,) = await told()
    await place.backend.cancel(run)
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert end.stopped == "cancel"
    assert not alive(int(pid))


@pytest.mark.parametrize("how", HIDING.values(), ids=HIDING)
async def test_what_a_run_leaves_behind_is_ended_with_it(
    place: Place, told: Told, how: str
) -> None:
    """Outputs would change after they were harvested."""
    run = await place.started(place.run("1", leaving(how, "sys.exit(0)")))
    (pid,) = await told()
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert end.ok
    assert "left over and killed" in end.reason
    assert not alive(int(pid))


async def test_the_leftovers_of_one_run_are_not_those_of_another(place: Place, told: Told) -> None:
    """The end of one job would kill the processes of its neighbour."""
    how = HIDING["an orphan"]
    neighbour = await place.started(place.run("1", leaving(how, "time.sleep(1000)")))
    (pid,) = await told()
    run = await place.started(place.run("2", leaving(how, "sys.exit(0)")))
    await told()
    await place.end(run)
    assert alive(int(pid))
    assert isinstance(await place.poll(neighbour), Alive)


async def test_a_run_that_ignores_the_request_is_killed(place: Place, told: Told) -> None:
    """A job that ignores SIGTERM could never be cancelled."""
    script = "trap '' TERM; echo > ../../../../told; while :; do sleep 1000; done"
    run = await place.started(place.run("1", {"script": script}))
    await told()
    await place.backend.cancel(run)
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert end.stopped == "cancel"


async def test_a_run_may_tidy_up_when_it_is_stopped(place: Place, told: Told) -> None:
    """A solver that writes its restart file on SIGTERM would be killed before it can."""
    script = "trap 'echo saved > restart; exit 0' TERM; echo > ../../../../told; sleep 1000 & wait"
    run = await place.started(place.run("1", {"script": script}))
    await told()
    await place.backend.cancel(run)
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped, end.exit_code) == (False, "cancel", 0)
    assert await place.outputs(run) == {"restart": b"saved\n"}


async def test_the_time_limit_is_kept(place: Place) -> None:
    """A job would run past its limit."""
    run = await place.started(place.run("1", {"command": ["sleep", "1000"]}, time_limit=0.2))
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped) == (False, "time_limit")


async def test_the_time_limit_is_kept_while_the_daemon_is_down(place: Place) -> None:
    """A job would run past its limit until somebody starts the daemon again."""
    run = await place.started(place.run("1", {"command": ["sleep", "1000"]}, time_limit=0.5))
    noted = json.loads((place.directory / "runs" / run.key / "pid.json").read_text())
    await place.close()
    await gone(noted["pid"])
    await place.open()
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert end.stopped == "time_limit"


async def test_the_time_limit_of_an_orphan_is_kept(place: Place) -> None:
    """A job whose supervisor died would run for ever."""
    run = await place.started(place.run("1", {"command": ["sleep", "1000"]}, time_limit=1000.0))
    await kill_supervisor(place)
    await polled(place, run, Alive)
    note = place.directory / "runs" / run.key / "started.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"until": 1.0}))  # long ago
    assert isinstance(await end_of_orphan(place, run), Lost)


async def test_a_signal_from_elsewhere_is_a_failure_not_a_cancel(place: Place, told: Told) -> None:
    """A job that ran out of memory would be shown as cancelled by its user."""
    run = await place.started(place.run("1", {"script": "echo $$ > ../../../../told; sleep 1000"}))
    (pid,) = await told()
    os.kill(int(pid), 9)
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped, end.exit_code) == (False, None, None)
    assert "SIGKILL" in end.reason


def alive(pid: int) -> bool:
    """Whether a process can still do something."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
