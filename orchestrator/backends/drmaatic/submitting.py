"""A run's submit as a form, and a run's inputs as files of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf
from pathlib import PurePosixPath

from anyio import Lock

from orchestrator.backend import BackendError, QuotaError, RejectedError, Run, TransientError
from orchestrator.backends.drmaatic import checking
from orchestrator.backends.drmaatic.dialect import Dialect
from orchestrator.backends.drmaatic.model import RunTable
from orchestrator.backends.drmaatic.replies import Entry
from orchestrator.backends.drmaatic.service import Service
from orchestrator.backends.http import Field, FilePart, Use
from orchestrator.document import value_text

LIVES = 600.0  # seconds for which an entry of the catalogue is believed
MOST_FAULTS = 20  # of a job that are told; the others are counted


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
    if run.after:
        parts.append(Field("dependencies", ",".join(run.after)))
        parts.append(Field("dependency_type", "afterok"))
    parts += [Field(name, text) for name, text in checking.fields(table)]
    for name, source in checking.files(table):
        one = run.inputs[source]
        filename = PurePosixPath(source).name
        parts.append(FilePart(name, filename, one.path, one.size, one.sha256))
    return [*parts, Field(words.task, table.task)]


@dataclass(slots=True)
class Catalogue:
    """The catalogue's entries, kept for a while: jobs that come together ask once.

    `dear` are the names of those whose submit was held for want of credit.
    """

    name: str
    service: Service
    now: Callable[[], float]
    dear: set[str] = field(default_factory=set)
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
            more = len(found) - MOST_FAULTS
            told = [*found[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])]
            raise RejectedError("; ".join(told), effect="none")
        return known

    async def check_credit(self, entry: Entry) -> None:
        """Look at the account's credit where a submit was held for want of it.

        Raises QuotaError until it suffices, RejectedError when it never will.
        """
        if entry.name not in self.dear or not entry.required_tokens:
            return
        credit = await self.service.credit(Use.SUBMIT, entry.required_tokens)
        cost = f"{value_text(entry.name)} costs {entry.required_tokens} CPU credits"
        if credit.wait_time == "infinite":
            text = f"{cost}, more than this account can ever have"
            raise RejectedError(text, effect="none")
        if isinstance(credit.wait_time, int | float) and credit.wait_time > 0:
            raise QuotaError(
                f"{cost}, and {credit.available_cpu_credit:.15g} are left",
                effect="none",
                retry_after=float(credit.wait_time),
            )
        self.dear.discard(entry.name)

    async def _unknown(self, task: str) -> BackendError:
        """Return the error for an entry that there is not; an empty catalogue refuses no job."""
        there = [entry.name for entry in await self.service.catalogue(1, Use.SUBMIT)]
        if not there:
            text = f"the catalogue is empty; check `url` and `dialect` of [backends.{self.name}]"
            return TransientError(text, effect="none")
        near = get_close_matches(task, there, 1)
        hint = f"; did you mean {value_text(near[0])}?" if near else ""
        return RejectedError(
            f"task: this account's catalogue has no {value_text(task)}{hint}"
            f" (orchestrator remote {self.name} catalogue)",
            effect="none",
        )
