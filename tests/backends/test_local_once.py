"""A local run starts at most once, and its end is never guessed."""

import json
import sys
from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread
import pytest

from orchestrator.backend import Alive, Finished, Found, Lost
from orchestrator.testing.contract import Place
from tests.backends.helpers import counted, end_of_orphan, gone, kill_supervisor, polled

Told = Callable[[], Awaitable[list[str]]]


async def test_a_run_submitted_many_times_starts_once(place: Place) -> None:
    """A doubtful submit that is made again would run the job twice."""
    run, count = counted(place)
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(place.backend.submit, run)
    await place.end(run)
    await place.backend.submit(run)
    await place.reopen()
    await place.backend.submit(run)
    assert isinstance(await place.end(run), Finished)
    assert count.read_text() == "started\n"


async def test_a_run_submitted_again_while_it_runs_starts_once(place: Place, told: Told) -> None:
    """A daemon that forgot the answer would start a second process beside the first."""
    run, count = counted(place, then="echo on > ../../../../told; cat ../../../../told")
    await place.backend.submit(run)
    await told()
    await place.backend.submit(run)
    await place.reopen()
    await place.backend.submit(run)
    await kill_supervisor(place)
    await polled(place, run, Alive)
    await place.backend.submit(run)
    await place.backend.cancel(run)
    assert isinstance(await end_of_orphan(place, run), Lost)
    assert count.read_text() == "started\n"


async def test_two_hundred_runs_at_once(place: Place) -> None:
    """Runs would be mixed up, or lost, when many start and end together."""
    runs = [counted(place, str(number), f"exit {number}") for number in range(200)]
    async with anyio.create_task_group() as tasks:
        for run, _ in runs:
            tasks.start_soon(place.backend.submit, run)
    for number, (run, count) in enumerate(runs):
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert end.exit_code == number
        assert count.read_text() == "started\n"


@pytest.mark.usefixtures("told")
async def test_the_exit_status_survives_the_daemon(place: Place) -> None:
    """A run that ends while the daemon is down would be held, or run again."""
    run, count = counted(place, then="cat ../../../../told; exit 5")
    await place.backend.submit(run)
    await place.close()
    await anyio.to_thread.run_sync((place.directory.parent / "told").write_text, "go on")
    await place.open()
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert end.exit_code == 5
    assert count.read_text() == "started\n"


async def test_a_killed_supervisor_leaves_an_orphan_that_is_seen(place: Place, told: Told) -> None:
    """A live run would be called lost, and be started a second time by a person."""
    run, _ = counted(place, then="echo $$ > ../../../../told; sleep 1000")
    await place.backend.submit(run)
    (pid,) = await told()
    assert isinstance(await place.poll(run), Alive)
    await kill_supervisor(place)
    orphan = await polled(place, run, Alive)
    assert "supervisor died" in orphan.detail
    assert run.key in place.hinted, "the daemon hears of it at once"
    assert isinstance(await place.backend.find(run), Found)
    await place.backend.cancel(run)
    await gone(int(pid))
    lost = await end_of_orphan(place, run)
    assert isinstance(lost, Lost)
    assert "supervisor was killed" in lost.evidence


async def test_an_orphan_that_hides_is_seen(place: Place, told: Told) -> None:
    """A run that cleared its environment and closed its files would be taken for ended."""
    shell = "echo $$ > ../../../../told; exec sleep 1000"
    hide = f"import os; os.closerange(3, 200); os.execve('/bin/sh', ['sh', '-c', {shell!r}], {{}})"
    run = place.run("1", {"command": [sys.executable, "-c", hide]})
    await place.backend.submit(run)
    (pid,) = await told()
    await kill_supervisor(place)
    await polled(place, run, Alive)
    await place.backend.cancel(run)
    await gone(int(pid))
    assert isinstance(await end_of_orphan(place, run), Lost)


async def test_a_reboot_is_told_from_a_killed_supervisor(place: Place) -> None:
    """The reason would send a person looking in the wrong place."""
    run = await place.started(place.run("1", {"script": "exit 0"}))
    await place.end(run)
    folder = place.directory / "runs" / run.key
    (folder / "exit.json").unlink()
    assert "supervisor was killed" in str(await place.poll(run))
    started = json.loads((folder / "started.json").read_text())
    (folder / "started.json").write_text(json.dumps({**started, "boot": "an earlier one"}))
    lost = await place.poll(run)
    assert isinstance(lost, Lost)
    assert "restarted" in lost.evidence


async def test_a_damaged_end_is_not_taken_for_success(place: Place) -> None:
    """A flipped bit on the disk would decide how a job ended."""
    run = await place.started(place.run("1", {"script": "exit 0"}))
    await place.end(run)
    (place.directory / "runs" / run.key / "exit.json").write_text('{"code": 0')
    assert isinstance(await place.poll(run), Lost)


async def test_the_number_of_an_orphan_may_belong_to_another(place: Place, told: Told) -> None:
    """Cancelling a dead run would kill a stranger that got its process number."""
    run = await place.started(place.run("1", {"script": "exit 0"}))
    await place.end(run)
    stranger = await place.started(
        place.run("2", {"script": "echo $$ > ../../../../told; sleep 1000"})
    )
    (pid,) = await told()
    folder = place.directory / "runs" / run.key
    (folder / "exit.json").unlink()
    identity = json.loads((folder / "pid.json").read_text())
    # The kernel counts starts in ticks of 10 ms, and both runs may have started within one.
    earlier = {**identity, "pid": int(pid), "start": identity["start"] - 1}
    (folder / "pid.json").write_text(json.dumps(earlier))
    assert isinstance(await place.poll(run), Lost)
    await place.backend.cancel(run)
    assert isinstance(await place.poll(stranger), Alive)
