"""The bodies of requests, and what is said of those that cannot be used."""

import traceback
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from orchestrator.emulators.database import Row
from orchestrator.emulators.sostrades.answers import BAD_JSON, NO_JSON, RefusalError
from orchestrator.emulators.sostrades.studies import process_of, short
from orchestrator.emulators.sostrades.values import read

MULTIPART = "multipart/form-data"
NEEDED = ("variableId", "newValue", "unit")
NOTHING = "No files or parameters found in request."


async def json_of(request: Request) -> Any:
    """Return a body of JSON. Raises RefusalError."""
    if _kind(request) != "application/json":
        raise RefusalError(415, NO_JSON)
    try:
        return await request.json()
    except ValueError:
        raise RefusalError(400, BAD_JSON) from None


async def changes_of(request: Request, row: Row, *, takes_files: bool) -> dict[str, Any]:
    """Return what a request wants to be written, by names below the study. Raises RefusalError."""
    if takes_files and _kind(request) == MULTIPART:
        async with request.form() as form:
            files = {name: it for name, it in form.items() if isinstance(it, UploadFile)}
            sent = {name: await it.read() for name, it in files.items()}
        if not sent:
            raise RefusalError(415, NO_JSON)
        return {_known(row, name): _parsed(row, name, data) for name, data in sent.items()}
    body = await json_of(request)
    if not body:
        raise RefusalError(400, NOTHING)
    wanted = body if isinstance(body, list) else [body]
    _check_keys(wanted)
    for it in wanted:
        if "." not in it["variableId"]:
            raise RefusalError(400, "not enough values to unpack (expected 2, got 1)")
    return {_known(row, it["variableId"]): it["newValue"] for it in wanted}


def _check_keys(wanted: list[Any]) -> None:
    """Raise RefusalError if something is missing, in the muddled words of the service."""
    said: list[str] = []
    for it in wanted:
        if not isinstance(it, dict | list | str):
            raise RefusalError(500, f"argument of type '{type(it).__name__}' is not iterable")
        for key in NEEDED:
            found = key in it
            text = f"Mandatory key {key} found with value None"
            said.append(text if found else f"Missing mandatory key: {key}")
    if any(text.startswith("Missing") for text in said):
        raise RefusalError(400, "\n".join(said))


def _known(row: Row, variable: str) -> str:
    """Return the name of a variable below its study. Raises RefusalError."""
    name = short(row, variable)
    if name is not None:
        return name
    try:
        raise KeyError(variable)  # noqa: TRY301 - its traceback is part of the answer over there
    except KeyError as error:
        raise _failed(error) from None


def _parsed(row: Row, variable: str, data: bytes) -> Any:
    """Return the value in a file. Raises RefusalError."""
    found = process_of(row).find(_known(row, variable))
    try:
        return read(data, found.type if found else "")
    except ValueError as error:
        raise _failed(error) from None


def _failed(error: Exception) -> RefusalError:
    """Return how an error is told that is being handled: with its traceback."""
    told = traceback.format_exc()
    return RefusalError(400, f"StudyCaseError(the following exception occurs {error}.\n{told})")


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
