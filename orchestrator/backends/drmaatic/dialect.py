"""The words of the two dialects: 2025 calls a task what 2023 called a script, and a job a task."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Dialect:
    """What things are called. `catalogue` and `runs` are paths, the others fields of a run.

    `lists_by_key`: the list of runs can be filtered by description.
    """

    year: Literal["2023", "2025"]
    catalogue: str
    runs: str
    task: str
    description: str
    parent: str
    lists_by_key: bool


OLD = Dialect(
    "2023",
    catalogue="script",
    runs="task",
    task="task_name",
    description="task_description",
    parent="parent_task",
    lists_by_key=False,
)
NEW = Dialect(
    "2025",
    catalogue="task",
    runs="job",
    task="task",
    description="job_description",
    parent="parent_job",
    lists_by_key=True,
)
DIALECTS = {dialect.year: dialect for dialect in (OLD, NEW)}
