"""What goes into Slurm's commands, and what they print. Pure.

squeue prints columns of a fixed width: nothing that somebody writes into a name can look like
another column. sacct and scontrol print words that are parted; what people write comes last.
"""

import re
from collections.abc import Iterator

from orchestrator.backend import ProtocolError
from orchestrator.backends.slurm import words
from orchestrator.backends.slurm.values import Job, Order, Partition

_COLUMNS = (
    ("JobID", 20),
    ("ArrayJobID", 20),
    ("ArrayTaskID", 80),
    ("State", 30),
    ("Reason", 80),
    ("Name", 80),
    ("Comment", 160),
)
_NEXT = re.compile(r"\n(?=\d+ +\d+ )", re.ASCII)  # the two numbers of the next job
LISTED = "--Format=" + ",".join(f"{name}:{width}" for name, width in _COLUMNS)
ACCOUNTED = "--format=JobIDRaw,JobID,State,ExitCode,Reason,JobName,Comment"
NONE = {"(null)", "N/A", "UNLIMITED", "INFINITE", "ALL", "NONE", ""}


def option(order: Order) -> list[str]:
    """Return the options of sbatch for a submit."""
    wants = order.wants
    given = {
        "job-name": order.name,
        "comment": order.comment,
        "chdir": order.folder,
        "output": order.log,
        "open-mode": "append",
        "partition": wants.partition,
        "account": wants.account,
        "qos": wants.qos,
        "reservation": wants.reservation,
        "constraint": wants.constraint,
        "gres": wants.gres,
        "time": wants.time,
        "nodes": None if wants.nodes is None else f"{wants.nodes[0]}-{wants.nodes[1]}",
        "ntasks": wants.ntasks,
        "cpus-per-task": wants.cpus_per_task,
        "mem": None if wants.mem is None else f"{wants.mem}M",
        "array": wants.array,
    }
    return [
        "--no-requeue",
        *(f"--{key}={value}" for key, value in given.items() if value is not None),
    ]


def listed(text: str) -> list[Job]:
    """Return the jobs that squeue printed. Raises ProtocolError for a line that is none.

    A name or a comment may have line breaks in it.
    """
    return [_row(line) for line in _NEXT.split(text) if line.strip()]


def _row(line: str) -> Job:
    at, found = 0, {}
    for name, width in _COLUMNS:
        found[name] = line[at : at + width].strip()
        at += width
    task = found["ArrayTaskID"]
    return Job(
        run=_number(found["ArrayJobID"] or found["JobID"], line),
        name=found["Name"],
        states=(found["State"],),
        task="" if task in NONE else task.partition("%")[0],
        comment="" if found["Comment"] == "(null)" else found["Comment"],
        reason="" if found["Reason"] == "None" else found["Reason"],
    )


def accounted(text: str) -> list[Job]:
    """Return the jobs that sacct printed. Raises ProtocolError for a line that is none."""
    return [_past(line) for line in text.splitlines() if line.strip()]


def _past(line: str) -> Job:
    parts = line.split("|", 6)
    if len(parts) != 7:  # noqa: PLR2004 - as many as `ACCOUNTED` names
        raise ProtocolError(f"sacct printed {line!r}", effect="none")
    _, shown, state, ended, reason, name, comment = parts
    base, _, task = shown.partition("_")
    word, _, by = state.partition(" by ")
    code, _, number = ended.partition(":")
    return Job(
        run=_number(base, line),
        name=name,
        states=(word.rstrip("+"),),
        task=task.strip("[]").partition("%")[0],
        comment=comment,
        reason="" if reason == "None" else reason,
        code=int(code) if code.isdecimal() else None,
        signal=int(number) if number.isdecimal() and int(number) else None,
        by=f"user {by}" if by else "",
    )


def offered(text: str) -> list[Partition]:
    """Return the partitions that `scontrol --oneliner show partition` printed."""
    return [_partition(dict(_pairs(line))) for line in text.splitlines() if line.strip()]


def _partition(told: dict[str, str]) -> Partition:
    accounts, qos = _names(told, "AllowAccounts"), _names(told, "AllowQos")
    return Partition(
        name=told.get("PartitionName", ""),
        state=told.get("State", ""),
        is_default=told.get("Default") == "YES",
        time=_minutes(told.get("MaxTime", "")),
        nodes=_count(told, "TotalNodes"),
        most_nodes=_count(told, "MaxNodes"),
        cpus=_count(told, "TotalCPUs"),
        cpus_per_node=_count(told, "MaxCPUsPerNode"),
        mem=_count(told, "MaxMemPerNode"),
        accounts=accounts,
        no_accounts=_names(told, "DenyAccounts") or frozenset(),
        qos=qos,
        no_qos=_names(told, "DenyQos") or frozenset(),
    )


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    for word in line.split():
        key, sign, value = word.partition("=")
        if sign:
            yield key, value


def _names(told: dict[str, str], key: str) -> frozenset[str] | None:
    value = told.get(key, "ALL")
    return None if value in NONE else frozenset(value.split(","))


def _minutes(text: str) -> int | None:
    try:
        return words.minutes(text)
    except ValueError:  # UNLIMITED, or a MaxTime of 0, of which Slurm itself will tell
        return None


def _count(told: dict[str, str], key: str) -> int | None:
    value = told.get(key, "")
    return int(value) if value.isascii() and value.isdecimal() else None


def _number(text: str, line: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise ProtocolError(
            f"Slurm printed {line.strip()!r}, which has no job's number", effect="none"
        )
    return int(text)
