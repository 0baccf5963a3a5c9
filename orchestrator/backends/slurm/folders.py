"""The folders of runs on the shared file system. Its trouble is never a run's end."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orchestrator.backend import Output, Run, Staged, Stream, TransientError
from orchestrator.backends.local import folder, outputs, removing, staging
from orchestrator.backends.slurm import marks
from orchestrator.backends.slurm.marks import SLURMS_LOG, Marks
from orchestrator.backends.supervisor.files import FOLDER


class Folders:
    """`directory` has a folder for each run, named by its key. All of it is for worker threads.

    Each call opens it anew, so that a file system that comes back is used again. All raise
    TransientError, with effect none, where it cannot be used.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def path(self, key: str) -> str:
        """Return the path of a run's folder, which is the same on every node."""
        return f"{self._directory}/{key}"

    def stage(self, key: str, name: str, source: Path) -> Staged:
        """Copy one input."""
        with self._open() as runs:
            return staging.stage(runs, key, name, source)

    def prepare(self, key: str, cwd: str, script: str | None) -> None:
        """Make the folder to run in, and the job's own script."""
        with self._open() as runs:
            folder.prepare(runs, key, cwd, script)

    def read(self, key: str) -> Marks:
        """Read what the batch script left."""
        with self._open() as runs, folder.local_trouble("the run's folder cannot be read"):
            return marks.read(runs, key)

    def read_all(self, keys: Sequence[str]) -> dict[str, Marks | str]:
        """Read what the batch scripts left; where that fails, say why."""
        found: dict[str, Marks | str] = {}
        try:
            with self._open() as runs:
                for key in keys:
                    try:
                        found[key] = marks.read(runs, key)
                    except OSError as error:
                        found[key] = f"its folder cannot be read: {error.strerror or error}"
        except TransientError as error:
            return dict.fromkeys(keys, str(error))
        return found

    def give_up(self, key: str, tasks: Sequence[str]) -> bool:
        """See to it that a run can not start any more; whether it had not."""
        with self._open() as runs, folder.local_trouble("the run's folder cannot be changed"):
            return marks.give_up(runs, key, tasks)

    def list_outputs(self, run: Run, tasks: Sequence[str]) -> list[Output]:
        """List logs and outputs."""
        with self._open() as runs:
            found = outputs.list_outputs(runs, run, _logs(tasks))
        return [one for one in found if one.size or one.name != SLURMS_LOG]

    @contextmanager
    def open_output(
        self, run: Run, tasks: Sequence[str], output: Output, offset: int
    ) -> Iterator[Stream]:
        """Open one output for reading."""
        with (
            self._open() as runs,
            outputs.open_output(runs, run.key, output, offset, _logs(tasks)) as stream,
        ):
            yield stream

    def remove(self, key: str) -> None:
        """Remove a run's folder."""
        with self._open() as runs:
            removing.remove(runs, key)

    @contextmanager
    def _open(self) -> Iterator[int]:
        with folder.local_trouble(f"the folder {self._directory} cannot be used"):
            runs = os.open(self._directory, FOLDER)
        try:
            yield runs
        finally:
            os.close(runs)


def _logs(tasks: Sequence[str]) -> list[str]:
    each = [f"{name}.{task}" if task else name for task in tasks for name in outputs.LOGS]
    return [*each, SLURMS_LOG]
