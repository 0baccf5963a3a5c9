"""What a job asks for is held against what the cluster offers, and against itself."""

import base64
import json
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.backend import ProtocolError
from orchestrator.backends.slurm.checking import problems, resources, shut
from orchestrator.backends.slurm.model import Options, RunTable
from orchestrator.backends.slurm.printed import accounted, listed, offered
from orchestrator.backends.slurm.tokens import expired
from orchestrator.backends.slurm.values import Partition, Resources

OFFER = (
    Partition("debug", "UP", is_default=True, time=60, nodes=4, cpus=64, mem=1000),
    Partition("paid", "UP", accounts=frozenset({"project"}), no_qos=frozenset({"free"})),
    Partition("closed", "DOWN"),
)
REST = {"url": "http://head", "user": "alice", "token": {"secret": "slurm"}}


def _table(**more: Any) -> RunTable:
    return RunTable.model_validate({"command": ["true"], **more})


@pytest.mark.parametrize(
    ("wants", "told"),
    [
        (Resources(), ""),
        (Resources(partition="debug", time=60, nodes=(1, 9), ntasks=64), ""),
        (Resources(partition="debgu"), 'did you mean "debug"?'),
        (Resources(partition="closed,debug"), ""),
        (Resources(partition="debug", time=61), "at most 60 minutes, not 61"),
        (Resources(partition="debug", nodes=(5, 9)), "at most 4 nodes, not 5"),
        (Resources(partition="debug", ntasks=33, cpus_per_task=2), "at most 64 processors, not 66"),
        (Resources(partition="debug", mem=1001), "at most 1000 MiB of one node"),
        (Resources(partition="paid", account="other"), 'does not take "other"'),
        (Resources(partition="paid", account="project"), ""),
        (Resources(partition="paid", account="project", qos="free"), 'does not take "free"'),
    ],
)
def test_what_cannot_be_had_is_told(wants: Resources, told: str) -> None:
    """A job would wait in the queue for ever; or one that could run would be refused."""
    found = "; ".join(problems(wants, OFFER))
    assert told in found
    assert bool(found) is bool(told)


@pytest.mark.parametrize(
    ("partition", "told"), [(None, ""), ("debug", ""), ("closed", "is DOWN"), ("closed,debug", "")]
)
def test_a_partition_that_is_down_is_waited_for(partition: str | None, told: str) -> None:
    """Every job of a night of maintenance would fail, or wait without a word."""
    found = shut(Resources(partition=partition), OFFER)
    assert told in found
    assert bool(found) is bool(told)


def test_nothing_is_refused_where_nothing_is_told() -> None:
    """A cluster that shows no partitions to its users would take no job."""
    assert problems(Resources(partition="any"), ()) == []
    assert problems(Resources(), (Partition("debug", "UP"),)) == ["partition: name one of debug"]


@pytest.mark.parametrize(
    ("time", "limit", "minutes"),
    [(None, None, None), ("90", None, 90), (None, 61.0, 2), ("90", 61.0, 2), ("1", 3600.0, 1)],
)
def test_the_shorter_time_limit_holds_in_whole_minutes(
    time: str | None, limit: float | None, minutes: int | None
) -> None:
    """A run would be stopped before its limit, or not at all."""
    assert resources(_table(time=time), limit).time == minutes


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"mem": "16 gigs"}, "expected a size as Slurm writes it"),
        ({"time": "1h"}, "expected a time as Slurm writes it"),
        ({"array": "1-"}, "expected the tasks of an array"),
        ({"nodes": "0"}, "expected a number of nodes"),
        ({"partition": "a b"}, "String should match"),
        ({"env": {"SLURM_CONF": "/x"}}, "names of variables other than Slurm's own"),
        ({"ntask": 1}, "Extra inputs"),
    ],
)
def test_what_is_wrong_in_a_job_is_told(table: dict[str, Any], told: str) -> None:
    """A typing error would become a job with other resources."""
    with pytest.raises(ValidationError, match=told):
        _table(**table)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"directory": "shared"}, "expected an absolute path"),
        ({"directory": "/shared/100%"}, "without '%'"),
        ({"directory": "/s", "rest": {}}, "either `url` or `socket`"),
        ({"directory": "/s", "rest": {**REST, "socket": "/x"}}, "either `url` or `socket`"),
        ({"directory": "/s", "rest": {"url": "http://head"}}, "`user` and `token`"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_told(options: dict[str, Any], told: str) -> None:
    """The daemon would start, and fail with each job."""
    with pytest.raises(ValidationError, match=told):
        Options.model_validate(options)


def test_a_token_that_has_expired_is_known() -> None:
    """Slurmrestd says of it only that something failed: a person would look for an outage."""

    def token(claims: object) -> str:
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return f"e30.{body}.c2ln"

    assert expired(token({"exp": 99}), 100.0)
    assert not expired(token({"exp": 101}), 100.0)
    for other in (token({}), token([]), "no.token", "a.b.c", "a.?.c", ""):
        assert not expired(other, 100.0), "only slurmrestd can tell"


def test_what_squeue_prints_is_read_by_its_columns() -> None:
    """A name or a comment that somebody chose would be taken for a state."""
    rows = [
        ("7", "3", "3", "FAILED", "NonZeroExitCode", "orch-1", "orch-1 beam"),
        ("3", "3", "4-9%2", "PENDING", "JobArrayTaskLimit", "orch-1", "(null)"),
        ("8", "8", "N/A", "RUNNING", "None", "a   COMPLETED  x", "COMPLETED"),
    ]
    widths = (20, 20, 80, 30, 80, 80, 160)
    lines = ["".join(f"{it:<{n}}" for it, n in zip(row, widths, strict=True)) for row in rows]
    first, second, third = listed("\n".join(lines) + "\n")
    assert (first.run, first.task, first.states) == (3, "3", ("FAILED",))
    assert (first.name, first.comment, first.reason) == ("orch-1", "orch-1 beam", "NonZeroExitCode")
    assert (second.task, second.comment) == ("4-9", "")
    assert (third.run, third.state, third.reason, third.task) == (8, "RUNNING", "", "")


def test_a_line_break_in_a_name_hides_no_job() -> None:
    """One job that the user submitted by hand would keep all runs from being followed."""
    widths = (20, 20, 80, 30, 80, 80, 160)
    rows = [
        ("8", "8", "N/A", "RUNNING", "None", "two\nlines", "7\u2028\n9 lines"),
        ("9", "9", "N/A", "PENDING", "None", "orch-1", "orch-1 beam"),
    ]
    lines = ["".join(f"{it:<{n}}" for it, n in zip(row, widths, strict=True)) for row in rows]
    first, second = listed("\n".join(lines) + "\n")
    assert (first.run, first.name, first.comment) == (8, "two\nlines", "7\u2028\n9 lines")
    assert (second.run, second.name, second.state) == (9, "orch-1", "PENDING")
    with pytest.raises(ProtocolError):
        listed("slurm_load_jobs error: Unexpected message received\n")


def test_what_sacct_prints_is_read() -> None:
    """Who cancelled a job, or its exit code, would be lost."""
    text = "7|3_1|FAILED|4:0|None|orch-1|a|b\n9|9|CANCELLED by 0|0:15|None|orch-2|\n"
    text += "3|3_[2-4%2]|PENDING|0:0|JobArrayTaskLimit|orch-1|\n"
    failed, stopped, waits = accounted(text)
    assert (failed.run, failed.task, failed.code, failed.comment) == (3, "1", 4, "a|b")
    assert (stopped.state, stopped.by, stopped.signal) == ("CANCELLED", "user 0", 15)
    assert (waits.run, waits.task) == (3, "2-4")


def test_what_scontrol_prints_of_partitions_is_read() -> None:
    """A job would be refused for a limit that there is not."""
    text = (
        "PartitionName=a AllowAccounts=ALL AllowQos=x,y DenyQos=z Default=YES MaxNodes=UNLIMITED"
        " MaxTime=2-00:00:00 State=UP TotalCPUs=64 TotalNodes=1 MaxMemPerNode=UNLIMITED\n"
        "PartitionName=b DenyAccounts=p Default=NO MaxTime=UNLIMITED State=UP MaxMemPerNode=512\n"
        "PartitionName=c Default=NO MaxTime=00:00:00 State=UP\n"
    )
    one, two, three = offered(text)
    assert (one.name, one.state, one.is_default, one.time) == ("a", "UP", True, 2880)
    assert (one.accounts, one.most_nodes, one.mem) == (None, None, None)
    assert one.qos == frozenset({"x", "y"})
    assert (two.time, two.mem, three.time) == (None, 512, None)
    assert two.no_accounts == {"p"}
    assert one.no_qos == {"z"}
