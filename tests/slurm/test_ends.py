"""How runs end on a real Slurm: each as what it is."""

import re
from typing import Any

import anyio
import pytest

from orchestrator.backend import Alive, Finished
from orchestrator.backends.slurm import watching
from orchestrator.testing.contract import Place
from tests.slurm.cluster import Cluster
from tests.slurm.conftest import NEEDS, both, commands, either, shell
from tests.slurm.waiting import ended, runs, until

pytestmark = pytest.mark.needs(*NEEDS)


@both
async def test_an_array_is_one_run(place: Place) -> None:
    """A user would get the end, or the files, of one task for those of all."""
    script = "echo $SLURM_ARRAY_TASK_ID > out.$SLURM_ARRAY_TASK_ID; exit $((SLURM_ARRAY_TASK_ID%2))"
    run = await place.started(place.run("1", shell(script, array="0-3%2")))
    end = await ended(place, run)
    assert (end.ok, end.exit_code) == (False, 1)
    assert end.reason == "2 of 4 tasks failed: task 1: exit code 1; task 3: exit code 1"
    assert await place.outputs(run) == {f"out.{n}": f"{n}\n".encode() for n in range(4)}
    assert {f"stdout.{n}" for n in range(4)} <= set(await place.outputs(run, log=True))
    good = await ended(place, await place.started(place.run("2", shell("true", array="1,3"))))
    assert (good.ok, good.reason) == (True, "all 2 tasks: exit code 0")


@either
async def test_a_pending_array_can_be_cancelled(place: Place, cluster: Cluster) -> None:
    """Tasks that never started would be waited for, for ever."""
    run = await place.started(place.run("1", shell("sleep 1000", array="1-40%1")))
    await until(place, run, lambda it: isinstance(it, Alive) and "rows of its array" in it.detail)
    end = await ended(place, await place.cancelled(run))
    assert (end.ok, end.stopped) == (False, "cancel")
    assert end.reason.startswith("40 of 40 tasks failed: task 1: CANCELLED")
    assert cluster.run("squeue", "--noheader", "--states=PD,R") == ""


@either
async def test_a_job_that_is_held_is_alive_and_says_why(place: Place, cluster: Cluster) -> None:
    """A person would not learn for what his job waits; or it would be called ended."""
    cluster.drain()
    try:
        run = await place.started(place.run("1", place.bodies.fails(4)))
        cluster.run("scontrol", "hold", str(run.remote_id))
        await until(place, run, lambda it: it == Alive("PENDING (JobHeldAdmin)"))
    finally:
        cluster.resume()
    cluster.run("scontrol", "release", str(run.remote_id))
    assert (await ended(place, run)).exit_code == 4


@either
async def test_a_cancel_by_somebody_is_not_called_ours(place: Place, cluster: Cluster) -> None:
    """A person would think that the orchestrator cancelled his job."""
    run = await runs(place, await place.started(place.run("1", place.bodies.sleeps)))
    cluster.run("scancel", str(run.remote_id))
    end = await ended(place, run)
    assert (end.ok, end.stopped) == (False, None)
    assert re.match(r"CANCELLED: cancelled, but not by us \(.*\); exit code 143", end.reason)


@both
async def test_a_node_that_fails_is_told(place: Place, cluster: Cluster) -> None:
    """A person would search his model for what the machine room did."""
    run = await runs(place, await place.started(place.run("1", place.bodies.sleeps)))
    node = cluster.run("sinfo", "--noheader", "--format=%N").split()[0]
    cluster.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    end = await ended(place, run)  # the node comes back by itself, as it is told to
    assert (end.ok, end.stopped) == (False, None)
    assert end.reason.startswith("NODE_FAIL: its node failed")


@commands
async def test_a_job_that_makes_room_for_another_is_told(place: Place, cluster: Cluster) -> None:
    """A preempted run would look like one that somebody cancelled."""
    cpus = cluster.run("sinfo", "--noheader", "--format=%c").split()[0]
    body = place.bodies.sleeps
    run = await place.started(place.run("1", body, {"ntasks": int(cpus), "partition": "debug"}))
    await runs(place, run)
    other = place.run("2", place.bodies.fails(0), {"partition": "urgent"})
    other = await place.started(other)
    end = await ended(place, run)
    assert end.reason.startswith("PREEMPTED: preempted by Slurm for another job")
    assert (await ended(place, other)).ok


@commands
async def test_a_run_that_slurm_starts_again_is_not_run_again(
    place: Place, cluster: Cluster
) -> None:
    """A requeue would compute a run a second time, over its own files."""
    script = "echo once >> there; exec sleep 1000"
    run = await runs(place, await place.started(place.run("1", shell(script))))
    job = str(run.remote_id)
    cluster.run("scontrol", "update", f"jobid={job}", "requeue=1")
    cluster.run("scontrol", "requeue", job)
    await until(place, run, lambda it: it == Alive("PENDING (BeginTime)"))
    cluster.run("scontrol", "update", f"jobid={job}", "starttime=now")
    end = await ended(place, run)
    assert not end.ok
    assert "exit code 143" in end.reason or "second time" in end.reason
    assert await place.outputs(run) == {"there": b"once\n"}


@either
async def test_want_of_memory_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person would read of a signal, and not that he has to ask for more memory."""
    monkeypatch.setattr(watching, "SHOWS_WITHIN", 0.0)
    body = shell("exec python3 -c 'import time; x = bytearray(400 << 20); time.sleep(1000)'")
    run = await place.started(place.run("1", body))
    end = await ended(place, run)
    assert not end.ok
    assert end.reason.startswith("OUT_OF_MEMORY: killed for want of memory")
    assert "exceeded memory limit" in end.reason


@pytest.mark.long
@either
async def test_the_time_limit_is_kept_by_slurm(place: Place) -> None:
    """A run would go on for ever while the daemon is down; a minute is the least Slurm knows."""
    run = await place.started(place.run("1", place.bodies.sleeps, time_limit=1.0))
    with anyio.fail_after(180):
        while not isinstance(answer := await place.poll(run), Finished):  # noqa: ASYNC110
            await anyio.sleep(0.5)
    assert (answer.ok, answer.stopped) == (False, "time_limit")
    assert answer.reason.startswith("TIMEOUT: stopped by Slurm at its time limit")


@either
async def test_a_killed_program_is_told_by_its_signal(place: Place) -> None:
    """A crash would be a mere number."""
    end = await ended(place, await place.started(place.run("1", shell("kill -SEGV $$"))))
    assert (end.ok, end.exit_code) == (False, 139)
    assert "SIGSEGV" in end.reason


@both
async def test_the_environment_is_the_jobs_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret would be lost or seen, or the daemon's environment would decide how a job runs."""
    place.secrets["licence"] = "very secret"
    monkeypatch.setenv("LEAKED", "from the daemon")
    monkeypatch.setenv("SBATCH_PARTITION", "closed")
    env: dict[str, Any] = {"A": "two\nlines", "L": {"secret": "licence"}}
    run = await place.started(place.run("1", shell("env -0 > env.txt"), {"env": env}))
    assert (await ended(place, run)).ok
    text = (await place.outputs(run))["env.txt"].decode()
    found = dict(line.split("=", 1) for line in text.split("\0") if line)
    assert (found["A"], found["L"]) == ("two\nlines", "very secret")
    assert found["ORCHESTRATOR_KEY"] == run.key
    assert not {"LEAKED", "SLURM_EXPORT_ENV"} & set(found)
    for path in (place.directory, anyio.Path(place.options.directory)):
        for file in [it async for it in anyio.Path(path).rglob("*") if await it.is_file()]:
            assert b"very secret" not in await file.read_bytes() or file.name == "env.txt"
