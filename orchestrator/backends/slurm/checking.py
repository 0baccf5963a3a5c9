"""Hold what a job asks for against what the cluster offers, before anything is sent. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from orchestrator.backends.slurm import words
from orchestrator.backends.slurm.model import RunTable
from orchestrator.backends.slurm.values import Partition, Resources
from orchestrator.document import value_text


def resources(table: RunTable, time_limit: float | None) -> Resources:
    """Return what a job asks for; of two time limits (the other in seconds) the shorter holds."""
    limits = [words.minutes(table.time)] if table.time is not None else []
    if time_limit is not None:
        limits.append(max(1, -int(-time_limit // 60)))
    return Resources(
        partition=table.partition,
        account=table.account,
        qos=table.qos,
        reservation=table.reservation,
        constraint=table.constraint,
        gres=table.gres,
        time=min(limits, default=None),
        nodes=None if table.nodes is None else words.nodes(table.nodes),
        ntasks=table.ntasks,
        cpus_per_task=table.cpus_per_task,
        mem=None if table.mem is None else words.mebibytes(table.mem),
        array=table.array,
    )


def array_of(table: RunTable) -> list[str]:
    """Return the tasks of a run; a job that is no array has the one task ""."""
    return [""] if table.array is None else [str(task) for task in words.tasks(table.array)]


def problems(wants: Resources, offer: Sequence[Partition]) -> list[str]:
    """Return in words what the cluster would not take.

    Of several partitions one must do. What cannot be told from here, Slurm says at the submit.
    """
    there = {one.name: one for one in offer}
    if not there:
        return []
    if wants.partition is None:
        return (
            []
            if any(one.is_default for one in offer)
            else [f"partition: name one of {_list(there)}"]
        )
    named = wants.partition.split(",")
    for name in named:
        if name not in there:
            near = get_close_matches(name, there, 1)
            hint = f"; did you mean {value_text(near[0])}?" if near else ""
            return [f"partition: the cluster has no {value_text(name)}, only {_list(there)}{hint}"]
    found = [list(_against(wants, there[name])) for name in named]
    return [] if any(not one for one in found) else found[0]


def shut(wants: Resources, offer: Sequence[Partition]) -> str:
    """Return in words that no partition that would do is up; "" where one is, or none is told."""
    named = None if wants.partition is None else wants.partition.split(",")
    found = [one for one in offer if (one.is_default if named is None else one.name in named)]
    if not found or any(one.state.upper().startswith("UP") for one in found):
        return ""
    told = ", ".join(f"{value_text(one.name)} is {one.state}" for one in found)
    return f"partition {told}: it is tried again"


def _against(wants: Resources, one: Partition) -> Iterator[str]:
    where = f"partition {value_text(one.name)}"
    limits = (
        ("time", wants.time, one.time, "minutes"),
        ("nodes", wants.nodes and wants.nodes[0], one.most_nodes, "nodes for one job"),
        ("nodes", wants.nodes and wants.nodes[0], one.nodes, "nodes"),
        ("cpus_per_task", wants.cpus_per_task, one.cpus_per_node, "processors of one node"),
        ("ntasks", (wants.ntasks or 1) * (wants.cpus_per_task or 1), one.cpus, "processors"),
        ("mem", wants.mem, one.mem, "MiB of one node"),
    )
    for key, asked, most, unit in limits:
        if asked is not None and most is not None and asked > most:
            yield f"{key}: {where} has at most {most} {unit}, not {asked}"
    for key, name, allowed, denied in (
        ("account", wants.account, one.accounts, one.no_accounts),
        ("qos", wants.qos, one.qos, one.no_qos),
    ):
        if name is not None and ((allowed is not None and name not in allowed) or name in denied):
            yield f"{key}: {where} does not take {value_text(name)}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
