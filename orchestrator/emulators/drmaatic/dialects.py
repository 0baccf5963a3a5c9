"""The two dialects: what was a script and a task in 2023 is a task and a job since 2025."""

from dataclasses import dataclass

UNDETERMINED = "process status cannot be determined"
QUEUED = "job is queued and active"
RUNNING = "job is running"
DONE = "job finished normally"
FAILED = "job finished, but failed"
STOPPED = "job was stopped by the user"
HELD = (
    "job is queued and in system hold",
    "job is queued and in user hold",
    "job is queued and in user and system hold",
    "job is system suspended",
    "job is user suspended",
)
FINAL = (DONE, FAILED, STOPPED)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of one dialect. `entry` and `run` are also the paths; `task` names the entry."""

    year: int
    entry: str
    run: str
    task: str
    no_entry: str
    no_run: str
    no_token: str
    expired: str

    @property
    def description(self) -> str:
        """The field that a client may fill as it likes."""
        return f"{self.run}_description"

    @property
    def parent(self) -> str:
        """The field of the run in whose folder another one works."""
        return f"parent_{self.run}"

    @property
    def received(self) -> str:
        """The status of a run that has not been given to Slurm."""
        return f"{self.run} has been received from the ws"

    @property
    def rejected(self) -> str:
        """The status of a run that Slurm has not taken."""
        return f"{self.run} has been rejected from the ws"

    @property
    def created(self) -> str:
        """The status of a run that Slurm has taken and was not asked about yet."""
        return f"{self.run} has been created and sent to the DRM"

    @property
    def sentences(self) -> tuple[str, ...]:
        """Every status that there is."""
        early = (self.rejected, self.received, self.created, UNDETERMINED, QUEUED, RUNNING)
        return early + HELD + FINAL


OLD = Dialect(
    year=2023,
    entry="script",
    run="task",
    task="task_name",
    no_entry="Not found.",
    no_run="Not found.",
    no_token="Token does not exist",  # noqa: S106 - what is said of one
    expired="Authentication token expired",
)
NEW = Dialect(
    year=2025,
    entry="task",
    run="job",
    task="task",
    no_entry="No Task matches the given query.",
    no_run="No Job matches the given query.",
    no_token="JWT token does not exist, please login again",  # noqa: S106 - what is said of one
    expired="Authentication JWT token expired, please login again",
)
DIALECTS = {dialect.year: dialect for dialect in (OLD, NEW)}
