"""`orchestrator remote NAME VERB` and `doctor`, on a real Slurm."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from pydantic import JsonValue

from orchestrator.backend import RejectedError, TransientError
from orchestrator.backends.http import Use
from orchestrator.backends.slurm.backend import Slurm
from orchestrator.backends.slurm.commands import Commands
from orchestrator.backends.slurm.verbs import VERBS, examine
from orchestrator.testing.contract import Place
from tests import verbs
from tests.slurm.cluster import Cluster
from tests.slurm.conftest import NEEDS, both, commands
from tests.slurm.waiting import ended, runs

pytestmark = pytest.mark.needs(*NEEDS)
asked, rows = partial(verbs.asked, VERBS), partial(verbs.rows, VERBS)


def slurm(place: Place) -> Slurm:
    """Return the open backend itself."""
    assert isinstance(place.backend, Slurm)
    return place.backend


@both
async def test_people_see_the_cluster(place: Place) -> None:
    """A person could not see what he may ask for, nor what became of his job."""
    offer = {row["partition"]: row for row in await rows(slurm(place), "partitions")}
    assert offer["debug*"]["state"] == "UP"
    assert offer["urgent"]["minutes"] == 30
    assert offer["closed"]["state"] == "DOWN"
    run = await runs(place, await place.started(place.run("1", place.bodies.sleeps)))
    [row] = [row for row in await rows(slurm(place), "queue") if row["name"] == run.key]
    assert (str(row["job"]), row["state"]) == (run.remote_id, "RUNNING")
    assert row["comment"] == f"{run.key} job"
    assert "asked to end" in str(await asked(slurm(place), "cancel", str(run.remote_id)))
    assert "not by us" in (await ended(place, run)).reason
    with pytest.raises(RejectedError, match="JOB is the number of a job"):
        await asked(slurm(place), "past", "all")


@both
async def test_doctor_looks_at_all_parts(place: Place) -> None:
    """A person would learn only from his first job that something is missing."""
    lines = await examine(slurm(place))
    assert {line.level for line in lines} == {"ok"}
    told = " ".join(line.text for line in lines)
    assert "22.05" in told
    assert "debug, urgent" in told
    assert place.options.directory in told


@commands
@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"partition": "debgu"}, 'the cluster has no "debgu", .*did you mean "debug"'),
        ({"partition": "urgent", "time": "31"}, "time: .* at most 30 minutes, not 31"),
        ({"nodes": 2, "partition": "debug"}, "nodes: .* at most 1 nodes, not 2"),
        ({"account": "nobodys"}, "Invalid account"),
        ({"qos": "nobodys"}, "Invalid qos"),
        ({"gres": "teapot:1"}, "Invalid generic resource"),
        ({"mem": "900T"}, "Memory specification|node configuration is not available"),
    ],
)
async def test_what_the_cluster_would_not_take_is_refused(
    place: Place, table: dict[str, JsonValue], text: str
) -> None:
    """A job would wait for ever for what there is not; or be tried again and again."""
    run = place.run("1", place.bodies.fails(0), table)
    with pytest.raises(RejectedError, match=text) as caught:
        await place.backend.submit(run)
    assert caught.value.effect == "none"


async def test_a_run_in_a_hidden_partition_is_followed(cluster: Cluster, tmp_path: Path) -> None:
    """Users would be refused such a partition; a run that is in it would be taken for lost."""
    run = "setpriv --reuid nobody --regid nogroup --clear-groups"  # root sees everything anyway
    for name in ("squeue", "scontrol"):
        real = shutil.which(name, path=cluster.environment["PATH"])
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {run} {real} "$@"\n')
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{cluster.environment['PATH']}"
    way = Commands(None, 1, {**cluster.environment, "PATH": path})
    cluster.drain()
    cluster.run("scontrol", "update", "partitionname=urgent", "hidden=yes")
    try:
        options = ("--parsable", "--uid=nobody", "--chdir=/", "--mem=64M", "--partition=urgent")
        number = cluster.run("sbatch", *options, "--wrap=true").strip()
        assert number in [str(job.run) for job in await way.jobs(Use.ASK)]
        assert "urgent" in [one.name for one in await way.partitions(Use.ASK)]
    finally:
        cluster.run("scancel", "--user=nobody")
        cluster.run("scontrol", "update", "partitionname=urgent", "hidden=no")
        cluster.resume()


@both
async def test_a_partition_that_is_down_is_waited_for(place: Place, cluster: Cluster) -> None:
    """Every job of a night of maintenance would fail."""
    run = place.run("1", place.bodies.fails(0), {"partition": "closed"})
    with pytest.raises(TransientError, match='"closed" is DOWN') as caught:
        await place.backend.submit(run)
    assert caught.value.effect == "none"
    assert cluster.run("squeue", "--noheader", f"--name={run.key}") == ""
