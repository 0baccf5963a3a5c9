"""What people can do with an account beside running jobs: `orchestrator remote NAME VERB`."""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import AuthError, BackendError, Diagnosis, RejectedError, Verb
from orchestrator.backends.http import Ask, FilePart, Use, digested, save
from orchestrator.backends.sostrades.backend import SosTrades
from orchestrator.backends.sostrades.calls import MissingError
from orchestrator.backends.sostrades.service import LOAD_LIMIT, File
from orchestrator.backends.sostrades.status import State
from orchestrator.document import value_text

NO_STUDY = 0  # no study has this number


async def _ping(backend: SosTrades) -> JsonValue:
    return await backend.service.ping(Use.ASK)


async def _status(backend: SosTrades, study: str) -> JsonValue:
    """Say how a study stands, with the number of its last execution."""
    number = _number(study)
    status = await backend.service.status(number, Use.ASK)
    log = await backend.service.log(number, Use.ASK)
    return {
        "study": number,
        "status": status.word,
        "execution": log.execution if log else None,
        "log_size": log.size if log else None,
        "message": status.message or None,
    }


async def _variables(backend: SosTrades, study: str, seconds: str = str(LOAD_LIMIT)) -> JsonValue:
    """List the inputs of a study, which the service is given so many seconds to load."""
    found = await backend.service.load(_number(study), Use.ASK, _number(seconds, "SECONDS"))
    if found is None:
        text = "the service does not show them: not loaded in time, or not for this key's user"
        raise RejectedError(text, effect="none")
    return [{"variable": name, "type": one.type, "unit": one.unit} for name, one in found.items()]


async def _value(backend: SosTrades, study: str, variable: str, file: int) -> JsonValue:
    number = _number(study)
    return await _saved(backend, number, backend.service.value_ask(number, variable, Use.ASK), file)


async def _set(backend: SosTrades, study: str, variable: str, value: str, unit: str = "") -> str:
    """Change one value. What is no JSON is a text."""
    try:
        new: JsonValue = json.loads(value)
    except ValueError:
        new = value
    change: dict[str, JsonValue] = {
        "variableId": variable, "unit": unit or None, "newValue": new,
    }  # fmt: skip
    await backend.service.set(_number(study), [change], Use.ASK)
    return f"{variable} was sent; the service may have lost it: look with `value`"


async def _table(backend: SosTrades, study: str, variable: str, file: int) -> str:
    """Change one table by a CSV of this machine."""
    path = Path(f"/proc/self/fd/{file}")
    try:
        size, sha256 = await digested(path)
    except OSError as error:
        text = f"the file cannot be read: {error.strerror}"
        raise RejectedError(text, effect="none") from None
    part = FilePart(variable, "table.csv", path, size, sha256)
    await backend.service.set_tables(_number(study), [part], Use.ASK)
    return f"{variable} was sent; the service may have lost it: look with `value`"


async def _execute(backend: SosTrades, study: str) -> JsonValue:
    """Have a study calculated, unless it is."""
    number = _number(study)
    status = await backend.service.status(number, Use.ASK)
    if status.state is State.BUSY:
        raise RejectedError(f"study {number} is {status.word}: nothing was sent", effect="none")
    return {"study": number, "status": (await backend.service.execute(number)).word}


async def _url(backend: SosTrades, study: str) -> JsonValue:
    return await backend.service.url(_number(study), Use.ASK)


async def _copy(backend: SosTrades, study: str, name: str) -> JsonValue:
    return {"study": await backend.service.copy(_number(study), name, Use.ASK), "name": name}


async def _tail(backend: SosTrades, study: str) -> JsonValue:
    _, text = await backend.service.log_tail(_number(study), Use.ASK)
    return text


def _reading(which: File) -> Callable[..., Awaitable[JsonValue]]:
    async def read(backend: SosTrades, study: str, file: int) -> JsonValue:
        number = _number(study)
        return await _saved(backend, number, backend.service.file_ask(number, which, Use.ASK), file)

    return read


async def _saved(backend: SosTrades, study: int, ask: Ask, file: int) -> JsonValue:
    size, _ = await run_sync(save, backend.service.fetching(study, ask), file)
    return {"study": study, "size": size}


def _number(text: str, what: str = "STUDY") -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:11]) < 2**31:
        shown = f"{what} is a number, such as 21, not {value_text(text)}"
        raise RejectedError(shown, effect="none")
    return int(text)


VERBS = {
    "ping": Verb("Ask whether the service is there.", _ping),
    "status": Verb("How a study stands, with the number of its execution.", _status, ("STUDY",)),
    "variables": Verb(
        "The inputs of a study (not at release 5.3.4).", _variables, ("STUDY", "[SECONDS]")
    ),
    "value": Verb(
        "Fetch the value of a variable as CSV.",
        _value,
        ("STUDY", "VARIABLE", "FILE"),
        file="to here",
    ),
    "set": Verb(
        "Change the value of a variable; VALUE is JSON, or else a text.",
        _set,
        ("STUDY", "VARIABLE", "VALUE", "[UNIT]"),
        warning="a calculation of the study that is under way is thrown away, and stored results",
    ),
    "table": Verb(
        "Change a table by a CSV (not at release 5.3.4).",
        _table,
        ("STUDY", "VARIABLE", "FILE"),
        file="from here",
        warning="a calculation of the study that is under way is thrown away, and stored results",
    ),
    "execute": Verb(
        "Have a study calculated as it is.",
        _execute,
        ("STUDY",),
        warning="results that are stored of an earlier calculation are replaced",
    ),
    "url": Verb("The address of a study for people.", _url, ("STUDY",)),
    "copy": Verb("Copy a study under another name.", _copy, ("STUDY", "NAME")),
    "tail": Verb("The end of the log of the last calculation.", _tail, ("STUDY",)),
    "log": Verb(
        "Fetch the log of the last calculation.", _reading("log"), ("STUDY", "FILE"), file="to here"
    ),
    "study": Verb(
        "Fetch a whole study as JSON, once it is calculated.",
        _reading("study"),
        ("STUDY", "FILE"),
        file="to here",
    ),
    "charts": Verb(
        "Fetch the charts as JSON.", _reading("charts"), ("STUDY", "FILE"), file="to here"
    ),
    "page": Verb("Fetch the page of charts.", _reading("page"), ("STUDY", "FILE"), file="to here"),
}


async def examine(backend: SosTrades) -> Sequence[Diagnosis]:
    """Look at the service and the account, for `doctor`. No study is touched."""
    try:
        await backend.service.ping(Use.ASK)
        await backend.service.status(NO_STUDY, Use.ASK)
    except MissingError:
        return [Diagnosis("ok", "it answers, and takes the key")]
    except AuthError as error:
        return [Diagnosis("problem", str(error), "check `key` of this backend")]
    except BackendError as error:
        return [Diagnosis("problem", str(error), "check the network and `url`")]
    return [Diagnosis("ok", "it answers")]
