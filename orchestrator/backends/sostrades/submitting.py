"""From a job's values to one execution: set them, read them back, note what ran before, execute.

Nothing here is done twice that could start something: all before the execution can be repeated,
and is, until the study shows every value as it was sent.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, JsonValue

from orchestrator.backend import (
    BackendError,
    Begun,
    ProtocolError,
    RejectedError,
    Run,
    Submitted,
    TransientError,
)
from orchestrator.backends.http import FilePart, Use
from orchestrator.backends.sostrades import checking
from orchestrator.backends.sostrades.calls import ALREADY, MissingError
from orchestrator.backends.sostrades.holding import Part, look
from orchestrator.backends.sostrades.model import RunTable
from orchestrator.backends.sostrades.naming import remote_id
from orchestrator.backends.sostrades.replies import Listed
from orchestrator.backends.sostrades.service import Service
from orchestrator.backends.sostrades.status import State
from orchestrator.document import value_text

READS = 6  # of values that are not there yet, before they are sent again
MOST_SENT = 4  # times, before a job is refused: with the engine's pauses an hour or so
FRESH = 60.0  # seconds after which values that were read back are read back once more
LIVES = 600.0  # seconds for which a list of variables is believed


class Progress(BaseModel):
    """How far a run is, as it is remembered: nothing, until all its values were read back.

    `before` is the study's last execution then, 0 for none, and `tables` what its tables looked
    like (SHA-256, by variable).
    """

    model_config = ConfigDict(frozen=True)
    before: int | None = None
    tables: Mapping[str, str] = {}

    @property
    def begun(self) -> Begun:
        """What the engine is told, so that it is remembered."""
        return Begun(self.model_dump(mode="json"))


@dataclass(slots=True)
class _Tried:
    """What was done for a run by this process: after a restart it is done anew.

    `sent` counts how often each part was sent; `reads` the looks since then in which a value was
    not there; `read_back` is when all were found there.
    """

    sent: Counter[Part] = field(default_factory=Counter)
    reads: int = 0
    read_back: float = -inf
    is_checked: bool = False


class Start:
    """What leads to executions."""

    def __init__(self, service: Service, now: Callable[[], float]) -> None:
        self._service, self._now = service, now
        self._tried: dict[str, _Tried] = {}  # by key
        self._listed: dict[int, tuple[float, Mapping[str, Listed]]] = {}

    async def submit(self, run: Run) -> Submitted | Begun:
        """Take the next step towards the execution, or have the study executed, once."""
        table = RunTable.model_validate(run.options)
        progress = Progress.model_validate(run.memo)
        with _nothing_started():
            if progress.before is None:
                await self._check_idle(table)
                return (await self._set_up(run, table)).begun
            # Little is asked here: what is cut short from now on may have been started.
            tried = self._of(run)
            is_fresh, tried.read_back = self._now() - tried.read_back <= FRESH, -inf
            if not is_fresh or await self._last(table.study) != progress.before:
                return Progress().begun
        return await self._execute(table, progress.before)

    async def check(self, table: RunTable, inputs: Iterable[str]) -> None:
        """Raise RejectedError for all that is wrong with a job, as far as can be told."""
        found = checking.problems(table, inputs, await self._variables(table.study))
        if found:
            raise RejectedError("; ".join(found), effect="none")

    def forget(self, run: Run) -> None:
        """Drop what is remembered of a run."""
        self._tried.pop(run.key, None)

    def _of(self, run: Run) -> _Tried:
        return self._tried.setdefault(run.key, _Tried())

    async def _last(self, study: int) -> int:
        """Return the number of a study's last execution, 0 for none."""
        log = await self._service.log(study, Use.SUBMIT)
        return log.execution if log else 0

    async def _check_idle(self, table: RunTable) -> None:
        """Raise TransientError while somebody else has the study calculated.

        To change it then would throw away that calculation; to execute it, too.
        """
        status = await self._service.status(table.study, Use.SUBMIT)
        if status.state is State.BUSY:
            text = f"study {table.study} is {status.word}, and not by this job: it is waited for"
            raise TransientError(text)
        if status.state is State.UNKNOWN:
            text = f"study {table.study} is {status.word!r}, which is not known here"
            raise ProtocolError(text)

    async def _set_up(self, run: Run, table: RunTable) -> Progress:
        """See whether the values are there; send what is not."""
        files = {name: run.inputs[source].path for name, source in table.tables.items()}
        tried = self._of(run)
        while True:
            shown = await look(self._service, table, Use.SUBMIT, sent=files, seen={})
            if shown.part is None:
                if not tried.is_checked:  # else that was done before they were sent
                    await self.check(table, run.inputs)
                await self._check_wanted(table)
                before = await self._last(table.study)
                tried.read_back = self._now()
                return Progress(before=before, tables=shown.tables)
            await self._send(run, table, shown.part, str(shown.fault))

    async def _check_wanted(self, table: RunTable) -> None:
        """Raise RejectedError for a value to be fetched of no variable: before, not afterwards.

        A variable without a value is refused, too, but not by its name.
        """
        for name in table.values:
            try:
                await self._service.value(table.study, name, Use.SUBMIT)
            except MissingError:
                raise
            except RejectedError as error:
                if repr(name) in str(error):
                    text = f"values: study {table.study} has no variable {value_text(name)}"
                    raise RejectedError(text) from None
            except ProtocolError:
                continue  # it is too large to be looked at, so it is there

    async def _send(self, run: Run, table: RunTable, part: Part, fault: str) -> None:
        """Send the tables or the other values, unless what was sent may still come."""
        study, tried = table.study, self._of(run)
        tried.reads += 1
        if tried.sent[part] and tried.reads <= READS:
            raise TransientError(f"study {study} has not taken a value yet: {fault}")
        if tried.sent[part] >= MOST_SENT:
            text = f"study {study} does not keep a value that was sent {tried.sent[part]} times"
            raise RejectedError(f"{text}: {fault}")
        await self.check(table, run.inputs)
        tried.is_checked = True
        if part == "tables":
            await self._service.set_tables(study, _files(run, table), Use.SUBMIT)
        else:
            listed = await self._variables(study)
            await self._service.set(study, _changes(table, listed or {}), Use.SUBMIT)
        tried.sent[part] += 1
        tried.reads = 0

    async def _execute(self, table: RunTable, before: int) -> Submitted:
        """Have it calculated, and see under which number."""
        try:
            await self._service.execute(table.study)
        except RejectedError as error:
            if ALREADY not in str(error):
                raise
            raise RejectedError(
                f"study {table.study} was just then executed by somebody else, and is busy: this"
                " job was not started, and by its attempt the service may call that one FAILED;"
                " speak with whoever uses the study, then retry",
                effect="none",
            ) from None
        try:
            number = await self._last(table.study)
        except BackendError as error:
            error.effect = "possible"  # of the execution, not of this look
            raise
        if number <= before:
            raise ProtocolError(f"study {table.study} shows no new execution yet")
        return Submitted(remote_id(table.study, number))

    async def _variables(self, study: int) -> Mapping[str, Listed] | None:
        """Return the variables of a study; None where this server cannot list them now.

        Release 5.3.4 refuses the call for it; a study whose results are stored shows them, too.
        """
        at, known = self._listed.get(study, (-inf, {}))
        if self._now() - at < LIVES:
            return known
        for asked in (self._service.load, self._stored):
            try:
                found = await asked(study, Use.SUBMIT)
            except MissingError:
                raise
            except (RejectedError, ProtocolError):
                continue
            if found is not None:
                self._listed[study] = (self._now(), found)
                return found
        return None

    async def _stored(self, study: int, use: Use) -> Mapping[str, Listed]:
        """Return the variables of a study as its stored results show them."""
        return (await self._service.study(study, use)).variables()


def _files(run: Run, table: RunTable) -> list[FilePart]:
    """Return all tables, as they are sent in one call."""
    found = []
    for name, source in table.tables.items():
        it = run.inputs[source]
        found.append(FilePart(name, PurePosixPath(source).name, it.path, it.size, it.sha256))
    return found


def _changes(table: RunTable, listed: Mapping[str, Listed]) -> list[dict[str, JsonValue]]:
    """Return all other values, as they are sent in one call."""
    found: list[dict[str, JsonValue]] = []
    for name, given in table.parameters.items():
        one = listed.get(name)
        unit = given.unit if given.unit is not None or one is None else one.unit
        value = checking.to_send(given, one)
        found.append({"variableId": name, "unit": unit, "newValue": value})
    return found


@contextmanager
def _nothing_started() -> Iterator[None]:
    """No fault in here has an effect that counts: values can be set again."""
    try:
        yield
    except BackendError as error:
        error.effect = "none"
        raise
