"""Parts of a real Slurm that stop, restart and forget, while runs are under way."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.backend import (
    Absent,
    Alive,
    BackendError,
    Finished,
    Found,
    NoAnswer,
    ProtocolError,
    RejectedError,
    Several,
    TransientError,
    Unclear,
)
from orchestrator.backends.http import asking
from orchestrator.backends.slurm import KIND, processes
from orchestrator.backends.slurm.backend import Slurm
from orchestrator.backends.slurm.verbs import examine
from orchestrator.testing.contract import Place, open_place
from tests.emulators.talking import until as until_true
from tests.slurm.cluster import Cluster, listens
from tests.slurm.conftest import BODIES, NEEDS, both, commands, either, options_of, shell
from tests.slurm.waiting import ended, runs, until

pytestmark = pytest.mark.needs(*NEEDS)
ONCE = shell("echo once >> there")


@contextmanager
def stopped(cluster: Cluster, *names: str) -> Iterator[None]:
    """Stop daemons, as for an upgrade; start them again at the end."""
    for name in names:
        cluster.stop(name)
    try:
        yield
    finally:
        for name in reversed(names):
            cluster.start(name)


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """Let the controller take calls and do nothing with them; then do all of it."""
    daemon = cluster._daemons["slurmctld"]
    assert daemon._pid is not None
    os.kill(daemon._pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon._pid, signal.SIGCONT)
        os.kill(daemon._entered.pid, signal.SIGCONT)  # what waits for it stops with it


@either
async def test_a_submit_that_the_controller_stopped_in_is_found(
    place: Place, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that Slurm took after all would be submitted again, or be nobody's."""
    run = await place.ready(place.run("1", ONCE))
    await place.backend.find(run)  # the version is known from here on
    with pytest.raises(RejectedError):
        await place.backend.submit(place.run("2", ONCE, {"partition": "nowhere"}))
    monkeypatch.setattr(processes, "LIMIT", 1.0)
    monkeypatch.setattr(asking, "LIMIT", 1.0)
    with frozen(cluster):
        with pytest.raises(TransientError) as caught:
            await place.backend.submit(run)
        assert caught.value.effect == "possible"
    monkeypatch.undo()
    with anyio.fail_after(30):
        while not isinstance(found := await place.backend.find(run), Found):
            assert isinstance(found, Absent), found
            await anyio.sleep(0.05)
    run = replace(run, remote_id=found.remote_id)
    assert (await ended(place, run)).ok
    assert await place.outputs(run) == {"there": b"once\n"}


@pytest.mark.long
@pytest.mark.timeout(300)  # slurmrestd waits 9 s for a controller
@either
async def test_a_controller_that_is_down_ends_nothing(place: Place, cluster: Cluster) -> None:
    """A restart of the controller would end runs, or count a submit as made."""
    lives = await runs(place, await place.started(place.run("1", place.bodies.sleeps)))
    other = place.run("2", ONCE)
    with stopped(cluster, "slurmctld"):
        assert isinstance(await place.poll(lives), NoAnswer)
        with pytest.raises(BackendError) as caught:
            await place.backend.submit(other)
        assert caught.value.effect == "none", "it was never reached"
        with pytest.raises(BackendError):
            await place.backend.find(other)
    assert isinstance(await place.poll(lives), Alive)
    assert isinstance(await place.backend.find(other), Absent)
    assert (await ended(place, await place.started(other))).ok
    assert (await ended(place, await place.cancelled(lives))).stopped == "cancel"


@pytest.mark.long
@pytest.mark.timeout(300)
@either
async def test_what_ends_while_nobody_can_be_asked_is_told_by_its_file(
    place: Place, cluster: Cluster
) -> None:
    """An outage of the controller would hold back results that are there."""
    script = "while [ ! -e go ]; do sleep 0.05; done; exit 4"
    run = await runs(place, await place.started(place.run("1", shell(script))))
    with stopped(cluster, "slurmctld"):
        await anyio.Path(place.options.directory, run.key, "work/go").touch()
        end = await until(place, run, lambda it: isinstance(it, Finished))
        assert isinstance(end, Finished)
        assert (end.ok, end.exit_code) == (False, 4)


@pytest.mark.long  # Slurm takes its time to forget
@both
async def test_what_the_controller_forgot_is_known_to_files_and_accounting(
    place: Place, cluster: Cluster
) -> None:
    """Runs that end while the daemon is down for an hour would be lost."""
    good = await place.started(place.run("1", ONCE))
    drained = place.run("2", place.bodies.sleeps)
    killed = await runs(place, await place.started(drained))
    cluster.run("scancel", "--signal=KILL", "--full", str(killed.remote_id))
    gone = f"--jobs={good.remote_id},{killed.remote_id}"
    cluster.reconfigure(MinJobAge=2)
    try:
        with anyio.fail_after(60):
            while _knows(cluster, gone):  # noqa: ASYNC110 - only asking tells
                await anyio.sleep(0.1)
        assert (await ended(place, good)).ok
        end = await ended(place, killed)
    finally:
        cluster.reconfigure(MinJobAge=300)
    assert not end.ok
    assert "SIGKILL" in end.reason or "CANCELLED" in end.reason
    found = await place.backend.find(replace(killed, remote_id=None))
    assert isinstance(found, Found)
    assert found.remote_id == killed.remote_id


@either
async def test_without_accounting_absence_is_not_proved(place: Place, cluster: Cluster) -> None:
    """A job that was cancelled and forgotten would be submitted again."""
    lives = await runs(place, await place.started(place.run("1", place.bodies.sleeps)))
    with stopped(cluster, "slurmdbd"):
        assert isinstance(await place.poll(lives), Alive)
        assert isinstance(await place.backend.find(lives), Found)
        assert isinstance(await place.backend.find(place.run("2", ONCE)), Unclear)
    assert isinstance(await place.backend.find(place.run("2", ONCE)), Absent)


@pytest.fixture
def lone(cluster: Cluster, tmp_path: Path) -> Iterator[Path]:
    """A slurmrestd as clusters without accounting have it; return its socket."""
    socket = tmp_path / "rest.sock"
    daemon = subprocess.Popen(
        ["slurmrestd", "-s", "openapi/v0.0.38", "-a", "rest_auth/local", f"unix:{socket}"],
        env={**cluster.environment, "SLURMRESTD_SECURITY": "disable_user_check"},
    )
    try:
        until_true(lambda: listens(socket))
        yield socket
    finally:
        daemon.kill()
        daemon.wait()


async def test_slurmrestd_without_accounting_is_one_that_knows_nothing_more(
    cluster: Cluster, lone: Path, tmp_path: Path
) -> None:
    """A lost submit, or a job that Slurm forgot, would never be decided."""
    options = options_of(cluster, "socket", tmp_path / "shared", rest={"socket": str(lone)})
    async with open_place(KIND, options, tmp_path / "place", BODIES) as place:
        assert isinstance(await place.backend.find(place.run("1", ONCE)), Absent)
        assert (await ended(place, await place.started(place.run("1", ONCE)))).ok
        assert isinstance(place.backend, Slurm)
        told = [line.text for line in await examine(place.backend) if line.level != "ok"]
        assert told == ["the cluster keeps no accounting"]


@commands
async def test_several_jobs_of_one_run_are_told_and_one_of_them_runs(
    place: Place, cluster: Cluster
) -> None:
    """Of two jobs of one run both would compute, or one would be guessed at."""
    cluster.drain()
    try:
        run = await place.started(place.run("1", ONCE))
        twin = await place.started(place.run("1", ONCE))
        found = await place.backend.find(replace(run, remote_id=None))
        assert found == Several(tuple(sorted((str(run.remote_id), str(twin.remote_id)))))
    finally:
        cluster.resume()
    ends = [await ended(place, one) for one in (run, twin)]
    assert [end.ok for end in ends] == [True, True], "whichever began it"
    assert await place.outputs(run) == {"there": b"once\n"}
    with pytest.raises(ProtocolError, match="has begun this run already"):
        await place.backend.submit(place.run("1", ONCE))


def _knows(cluster: Cluster, which: str) -> bool:
    try:
        return bool(cluster.run("squeue", "--noheader", "--states=all", which).strip())
    except RuntimeError:  # it says so, too, of a job that it does not know
        return False
