"""A run's submit as a form, and a run's inputs as files of it."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf
from pathlib import Path, PurePosixPath

from anyio import Lock

from orchestrator.backend import QuotaError, RejectedError, Run
from orchestrator.backends.drmaatic import checking
from orchestrator.backends.drmaatic.dialect import NEW, Dialect
from orchestrator.backends.drmaatic.model import RunTable
from orchestrator.backends.drmaatic.replies import Entry
from orchestrator.backends.drmaatic.service import Service
from orchestrator.backends.http import Field, FilePart, Use
from orchestrator.document import value_text

LIVES = 600.0  # seconds for which an entry of the catalogue is believed
BLOCK = 1 << 20


def description(run: Run) -> str:
    """Return what the run is found again by; people recognise it by the job's name.

    It has well under the 200 characters that the service takes.
    """
    return f"{run.job_name} {run.key}"


def form(words: Dialect, run: Run, table: RunTable) -> list[Field | FilePart]:
    """Return the parts of a submit.

    The service takes a body that broke off as far as it came. So what names the task comes last:
    without it no run can be made, and no run is made of half a file.
    """
    parts: list[Field | FilePart] = [Field(words.description, description(run))]
    if table.parent is not None:
        parts.append(Field(words.parent, table.parent))
    parts += [Field(name, text) for name, text in checking.fields(table)]
    for name, source in checking.files(table):
        one = run.inputs[source]
        filename = PurePosixPath(source).name
        parts.append(FilePart(name, filename, one.path, one.size, one.sha256))
    return [*parts, Field(words.task, table.task)]


@dataclass(slots=True)
class Catalogue:
    """The catalogue's entries, kept for a while: jobs that come together ask once."""

    name: str
    service: Service
    now: Callable[[], float]
    _kept: dict[str, tuple[float, Entry]] = field(default_factory=dict)
    _asking: Lock = field(default_factory=Lock)

    async def check(self, table: RunTable, inputs: Iterable[str]) -> Entry:
        """Return a job's entry. Raises RejectedError for all that the service would not take."""
        async with self._asking:
            asked, known = self._kept.get(table.task, (-inf, None))
            if known is None or self.now() - asked >= LIVES:
                known = await self.service.entry(table.task, Use.SUBMIT)
                if known is None:
                    raise await self._unknown(table.task)
                self._kept[table.task] = (self.now(), known)
        found = checking.problems(known, table, inputs)
        if found:
            raise RejectedError("; ".join(found), effect="none")
        return known

    async def _unknown(self, task: str) -> RejectedError:
        there = [entry.name for entry in await self.service.catalogue(1, Use.SUBMIT)]
        near = get_close_matches(task, there, 1)
        hint = f"; did you mean {value_text(near[0])}?" if near else ""
        return RejectedError(
            f"task: this account's catalogue has no {value_text(task)}{hint}"
            f" (orchestrator remote {self.name} catalogue)",
            effect="none",
        )


async def explained(
    service: Service, entry: Entry, error: QuotaError
) -> QuotaError | RejectedError:
    """Return the error for a submit that cost too much: refused where no wait would help."""
    if await service.dialect(Use.SUBMIT) is not NEW or entry.required_tokens is None:
        return error
    credit = await service.credit(Use.SUBMIT, entry.required_tokens)
    if credit.wait_time == "infinite":
        return RejectedError(
            f"{value_text(entry.name)} costs {entry.required_tokens} CPU credits, more than this"
            " account can ever have",
            effect="none",
        )
    wait = credit.wait_time
    seconds = float(wait) if isinstance(wait, int | float) else 0.0
    return QuotaError(
        f"{error}; it costs {entry.required_tokens} CPU credits of {credit.available_cpu_credit:g}",
        effect="none",
        retry_after=max(error.retry_after or 0.0, seconds),
    )


def digest(path: Path, is_stopped: Callable[[], bool]) -> tuple[int, str]:
    """Return size (bytes) and SHA-256 of a file; it may be stopped. Raises OSError."""
    size, found = 0, hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while not is_stopped() and (block := file.read(BLOCK)):
            found.update(block)
            size += len(block)
    return size, found.hexdigest()
