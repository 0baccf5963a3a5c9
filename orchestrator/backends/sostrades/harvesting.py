"""List and fetch what a calculation left, as long as the study still has it."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

from anyio import from_thread

from orchestrator.backend import Output, ProtocolError, RejectedError, Run, Stream
from orchestrator.backends import http
from orchestrator.backends.http import Use
from orchestrator.backends.sostrades import charts
from orchestrator.backends.sostrades.calls import MissingError
from orchestrator.backends.sostrades.logs import Log
from orchestrator.backends.sostrades.model import RunTable
from orchestrator.backends.sostrades.naming import execution_of, study_of
from orchestrator.backends.sostrades.service import File, Service
from orchestrator.backends.sostrades.status import State
from orchestrator.core.patterns import selecting

LOG, PAGE, DATA, STUDY = "execution.log", "charts.html", "charts.json", "study.json"
VALUES = "values/"
FILES: Mapping[str, File] = {LOG: "log", PAGE: "page", DATA: "charts", STUDY: "study"}


class Harvest:
    """The studies' results."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list(self, run: Run) -> list[Output]:
        """List what is to be fetched: all of a calculation that finished, else its log.

        Raises RejectedError where the study has another's results by now, or none.
        """
        state = None if run.live else await self._state(run)
        log = [Output(LOG, log=True)] if (await self._log(run)).written else []
        if state is not State.FINISHED:
            return log
        try:
            chosen = selecting(run.outputs, frozenset())
        except ValueError as error:
            raise RejectedError(f"outputs: {error}", effect="none") from None
        table = RunTable.model_validate(run.options)
        names = [*(f"{VALUES}{name}.csv" for name in table.values), DATA, PAGE, STUDY]
        found = [Output(name) for name in names if chosen(name)]
        if any(one.name == PAGE for one in found):
            found.append(Output(charts.SCRIPT, *charts.script_facts()))
        return [*log, *found]

    @contextmanager
    def open(self, run: Run, output: Output) -> Iterator[Stream]:
        """Open one output, always from its beginning. In a worker thread."""
        if output.name == charts.SCRIPT:
            with charts.script().open("rb") as file:
                yield Stream(0, iter(lambda: file.read(1 << 20), b""))
            return
        chunks = self._chunks(run, output)
        try:
            yield Stream(0, chunks)
        finally:
            chunks.close()

    def _chunks(self, run: Run, output: Output) -> Generator[bytes, None, None]:
        """Yield all of an output; raise RejectedError in the end unless the study still has it.

        What was changed before the last byte came is noticed: a change is never taken back.
        """
        study = study_of(run)
        with _named(output), self._service.fetching(study, self._ask(study, output.name)) as found:
            if not found.ends:
                raise ProtocolError(f"nothing says how long {output.name} is", effect="none")
            is_empty = True
            for chunk in charts.offline(found) if output.name == PAGE else found:
                is_empty = False
                yield chunk
            if is_empty and not output.log:
                raise ProtocolError(f"{output.name} came without any content", effect="none")
        from_thread.run(self._log if output.log else self._check_finished, run)

    def _ask(self, study: int, name: str) -> http.Ask:
        if name in FILES:
            return self._service.file_ask(study, FILES[name], Use.TRANSFER)
        variable = name.removeprefix(VALUES).removesuffix(".csv")
        return self._service.value_ask(study, variable, Use.TRANSFER)

    async def _check_finished(self, run: Run) -> None:
        if await self._state(run) is not State.FINISHED:
            raise _gone(run)

    async def _log(self, run: Run) -> Log:
        """Return what is known of this run's log. Raises RejectedError where another's is there."""
        study = study_of(run)
        log = await self._service.log(study, Use.TRANSFER)
        if log is None or log.execution != execution_of(run):
            raise _gone(run)
        return log

    async def _state(self, run: Run) -> State:
        """Return how the study stands that still has this run's execution as its last.

        Raises RejectedError where it has another, or was changed since.
        """
        study = study_of(run)
        status = await self._service.status(study, Use.TRANSFER)
        await self._log(run)
        if status.state in {State.FINISHED, State.FAILED, State.STOPPED}:
            return status.state
        raise _gone(run)


@contextmanager
def _named(output: Output) -> Iterator[None]:
    """Name the variable that the service shows no value of: it does not itself."""
    try:
        yield
    except MissingError:
        raise
    except RejectedError as error:
        if not output.name.startswith(VALUES):
            raise
        text = f"{output.name}: the variable has no value, or is not there"
        raise RejectedError(f"{text}: {error}", effect="none") from None


def _gone(run: Run) -> RejectedError:
    study = study_of(run)
    return RejectedError(
        f"study {study} was changed or executed by somebody else after this run: its results are"
        " not there any more",
        effect="none",
    )
