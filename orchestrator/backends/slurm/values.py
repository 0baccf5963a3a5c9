"""What passes between the ways into a cluster and the judgement above them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the controller's list or of accounting's: a job, or a task of an array.

    `run` is the number that the submit gave; tasks of an array share it. `task` is a task's number,
    or the pending ones together ("3-9"); empty for a job. `states` are Slurm's words, the main one
    first. `code` is None where this source does not tell it, or wrongly. `by` names who cancelled.
    """

    run: int
    name: str
    states: tuple[str, ...]
    task: str = ""
    comment: str = ""
    reason: str = ""
    code: int | None = None
    signal: int | None = None
    by: str = ""

    @property
    def state(self) -> str:
        """The main word for its state."""
        return self.states[0] if self.states else ""


@dataclass(frozen=True, slots=True)
class Resources:
    """What is asked for, in units that both ways share: `time` in minutes, `mem` in MiB a node."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    reservation: str | None = None
    constraint: str | None = None
    gres: str | None = None
    time: int | None = None
    nodes: tuple[int, int] | None = None
    ntasks: int | None = None
    cpus_per_task: int | None = None
    mem: int | None = None
    array: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One submit: `script` is the text of the batch script, `log` the file for what Slurm says."""

    name: str
    comment: str
    script: str
    folder: str
    log: str
    environment: Mapping[str, str] = field(repr=False)
    wants: Resources = Resources()


@dataclass(frozen=True, slots=True)
class Partition:
    """What a cluster offers in one partition. None: no limit, or not told.

    `time` is in minutes, `mem` in MiB a node. Empty lists of accounts and QOS allow or deny none.
    """

    name: str
    state: str
    is_default: bool = False
    time: int | None = None
    nodes: int | None = None
    most_nodes: int | None = None
    cpus: int | None = None
    cpus_per_node: int | None = None
    mem: int | None = None
    accounts: frozenset[str] | None = None
    no_accounts: frozenset[str] = frozenset()
    qos: frozenset[str] | None = None
    no_qos: frozenset[str] = frozenset()
