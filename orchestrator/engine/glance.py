"""A look at what a run has left so far, while it goes on. Nothing of the queue is touched."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial

import anyio
from anyio.from_thread import check_cancelled

from orchestrator.backend import Backend, BackendError, Output, RejectedError, Run, TransientError
from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.core.names import Foreign, local_names
from orchestrator.engine.tools import InThread, call_limit
from orchestrator.store.copying import copy
from orchestrator.store.results import Announced, MismatchError, ResultError

MOST_NOTES = 100


@dataclass(frozen=True, slots=True)
class Note:
    """What is odd about one file: its name here, and why. It was copied all the same, or not."""

    file: str
    why: str
    copied: bool


@dataclass(frozen=True, slots=True)
class Glance:
    """What a look brought: files and bytes copied, files missing; the first notes of all.

    `early` says whether the backend shows outputs before a run has ended.
    """

    early: bool
    files: int = 0
    bytes: int = 0
    missing: int = 0
    notes: tuple[Note, ...] = ()

    def and_file(self, size: int) -> "Glance":
        """Return this with one more file."""
        return replace(self, files=self.files + 1, bytes=self.bytes + size)

    def and_note(self, note: Note) -> "Glance":
        """Return this with one more note."""
        notes = (*self.notes, note)[:MOST_NOTES]
        return replace(self, missing=self.missing + (not note.copied), notes=notes)


async def listed(backend: Backend, run: Run) -> Sequence[Output]:
    """Return what can be seen of a live run's outputs. Raises the five errors."""
    try:
        with anyio.fail_after(call_limit(backend)):
            return await backend.list_outputs(run)
    except TimeoutError:
        raise TransientError("its outputs were not listed in time", effect="none") from None


def told_apart(outputs: Sequence[Output]) -> str:
    """Return a text that differs as soon as what is listed of a run's files does.

    Logs do not count: what a service says of a live run, its cost say, changes without its files.
    """
    lines = sorted(json.dumps(astuple(output)) for output in outputs if not output.log)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


async def glance(
    backend: Backend, run: Run, folder: int, *, in_thread: InThread, keep_free: int
) -> Glance:
    """Copy what a live run has left into an open folder, named as in a result.

    A file that changes or goes meanwhile is noted. Broken off at any point, it leaves whole files.
    Raises the five errors; the text says how many files had come.
    """
    outputs = await listed(backend, run)
    return await in_thread(partial(_copy_all, backend, run, outputs, folder, keep_free))


def _copy_all(
    backend: Backend, run: Run, outputs: Sequence[Output], folder: int, keep_free: int
) -> Glance:
    """Copy files one after another, in the worker thread that this is called in."""
    names = local_names([Foreign(output.name, output.log) for output in outputs])
    found = Glance(early=backend.traits.visible_after is not None)
    for name, output in zip(names, outputs, strict=True):
        announced = Announced(output.size, output.sha256, output.md5)
        open_at = partial(backend.open_output, run, output)
        try:
            size = copy(folder, name, open_at, announced, check_cancelled, keep_free)
        except (RejectedError, MismatchError) as error:
            found = found.and_note(Note(name, str(error), copied=False))
        except BackendError as error:
            text = f"{name}: {error}; {found.files} files had come"
            raise type(error)(text, effect=error.effect, retry_after=error.retry_after) from error
        except DiskFullError as error:
            text = f"{name}: {error}; {found.files} files had come"
            raise TransientError(text, effect="none") from None
        except (ResultError, FatalStorageError) as error:
            text = "the folder was removed" if _is_gone(folder) else str(error)
            raise RejectedError(f"{text}; {found.files} files had come", effect="none") from None
        else:
            found = found.and_file(size)
            if output.size not in {None, size}:
                why = f"it changes: {output.size} bytes when it was listed, {size} when copied"
                found = found.and_note(Note(name, why, copied=True))
    return found


def _is_gone(folder: int) -> bool:
    return os.fstat(folder).st_nlink == 0
