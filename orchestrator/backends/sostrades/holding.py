"""Whether a study holds a job's values: each is read back, and held against what was sent."""

import codecs
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import RejectedError
from orchestrator.backends.http import Use
from orchestrator.backends.sostrades import csvs
from orchestrator.backends.sostrades.calls import MissingError
from orchestrator.backends.sostrades.model import RunTable
from orchestrator.backends.sostrades.service import Service
from orchestrator.document import value_text

Part = Literal["tables", "parameters"]
"""What is sent in one call: a second one that comes while the first is carried out is lost."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a study shows of a job's values.

    `fault` says in words which is another, and `part` where it stands in the job; both are None
    where all are as they should be. `unread` says that it was not shown at all, which
    tells nothing of it. `tables` has the SHA-256 of each table as it is shown, which is not how it
    was sent.
    """

    fault: str | None = None
    part: Part | None = None
    unread: bool = False
    tables: Mapping[str, str] = field(default_factory=dict)


async def look(
    service: Service,
    table: RunTable,
    use: Use,
    *,
    sent: Mapping[str, Path],
    seen: Mapping[str, str],
) -> Shown:
    """Read back every value, tables first, until one is another.

    A table is held against the file that was `sent`, by the name of its variable, or else against
    the SHA-256 that was `seen` of it before. Raises the five errors.
    """
    tables: dict[str, str] = {}
    part: Part = "tables"
    try:
        for name in table.tables:
            fault, tables[name] = await run_sync(
                _table, service, table.study, name, use, sent.get(name)
            )
            if fault is None and name not in sent and seen.get(name) != tables[name]:
                fault = "its table is another than before"
            if fault is not None:
                return Shown(f"{value_text(name)}: {fault}", part)
        part = "parameters"
        for name, given in table.parameters.items():
            fault = await _value(service, table.study, name, use, given.value)
            if fault is not None:
                return Shown(f"{value_text(name)}: {fault}", part)
    except MissingError:
        raise
    except RejectedError as error:
        return Shown(f"{value_text(name)}: it cannot be read back: {error}", part, unread=True)
    return Shown(tables=tables)


def check_table(path: Path) -> None:
    """Raise RejectedError for a file that is no table with a line of headers; OSError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            fault = _no_table(csvs.rows_of_lines(file))
    except ValueError as error:  # of UTF-8, too
        fault = str(error)
    if fault is not None:
        raise RejectedError(f"{value_text(path.name)} is no CSV: {fault}", effect="none")


def _no_table(rows: Iterator[list[str]]) -> str | None:
    headers = next(rows, [])
    if not headers or not all(headers) or len(set(headers)) != len(headers):
        return "its first line is to name each column, each by another name"
    for number, row in enumerate(rows, 2):
        if len(row) != len(headers):
            return f"row {number} has {len(row)} cells, not {len(headers)}"
    return None


async def _value(service: Service, study: int, name: str, use: Use, value: JsonValue) -> str | None:
    """Return in words how a value is another."""
    try:
        shown = await service.value(study, name, use)
        lines = io.StringIO(shown.decode("utf-8", "replace"), newline="")
        rows = csvs.rows_of_lines(lines)
        return csvs.difference(csvs.rows_of_value(value), rows, table=False)
    except ValueError as error:
        return f"it cannot be read back: {error}"


def _table(
    service: Service, study: int, name: str, use: Use, sent: Path | None
) -> tuple[str | None, str]:
    """Return in words how a table is another than the file, and its SHA-256. In a thread."""
    digest = hashlib.sha256()
    try:
        with service.fetching(study, service.value_ask(study, name, use)) as stream:
            lines = _lines(_noted(stream, digest))
            if sent is None:
                fault = None
            else:
                with sent.open(encoding="utf-8-sig", newline="") as file:
                    ours = csvs.rows_of_lines(file)
                    fault = csvs.difference(ours, csvs.rows_of_lines(lines), table=True)
            for _ in lines:
                pass
    except ValueError as error:
        fault = f"it cannot be read back: {error}"
    return fault, digest.hexdigest()


def _noted(chunks: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a text that comes in pieces, each with its end."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        yield from (f"{line}\n" for line in lines)
    if rest:
        yield rest
