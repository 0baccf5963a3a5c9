"""The service's storage: every endpoint below /data. Addresses there ("uris") are relative paths.

Copies, moves and removals take effect a moment after the answer: look until it shows.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TypedDict

from pydantic import JsonValue

from orchestrator.backend import ProtocolError
from orchestrator.backends.http import Ask, Use
from orchestrator.backends.thecrossproduct.replies import File, Upload, entries_of, read
from orchestrator.backends.thecrossproduct.session import Session

MISSING = (400, 404, 410, 422)  # how `exists` may say no
GONE = (404, 410)


class DataFilter(TypedDict, total=False):
    """What a listing can be narrowed by; an address of a folder ends with a slash.

    `since` is an ISO 8601 time. `hierarchy` lists one level; `ignores` names fields to leave out.
    """

    expands_info: bool
    group: str
    groups: list[str]
    hierarchy: bool
    ignores: list[str]
    items_per_page: int
    personal: bool
    prefix: str | list[str]
    since: str
    suffix: str | list[str]


async def listing(session: Session, use: Use, **filters: JsonValue) -> AsyncIterator[JsonValue]:
    """Yield the pages of a listing, with the keys files and dirs; filters as in DataFilter."""
    async for page in session.pages("data", filters, use):
        yield page


async def level(session: Session, folder: str, use: Use) -> tuple[list[JsonValue], list[JsonValue]]:
    """Return the folders and the files of one level, as they are listed with expands_info."""
    filters: dict[str, JsonValue] = {"hierarchy": True, "expands_info": True}
    if folder:
        filters["prefix"] = f"{folder.rstrip('/')}/"
    folders: list[JsonValue] = []
    found: list[JsonValue] = []
    async for page in listing(session, use, **filters):
        folders += entries_of(page, "dirs")
        found += entries_of(page, "files")
    return folders, found


async def files(session: Session, prefix: str, use: Use) -> list[File]:
    """Return every file whose address begins with a prefix, with size and MD5."""
    found: list[File] = []
    async for page in listing(session, use, prefix=prefix, expands_info=True):
        found += [read(File, entry) for entry in entries_of(page, "files")]
    # Never trusted to have been narrowed as we asked.
    return [file for file in found if file.path.startswith(prefix)]


async def exists(session: Session, uris: str | list[str], use: Use) -> bool:
    """Whether all addresses are there."""
    body: JsonValue = {"uri": _json(uris)}
    ask = Ask("POST", "data/exists", use, json=body, reads=True, expect=MISSING)
    reply = await session.call(ask)
    return reply.status not in MISSING


async def make_folder(session: Session, uri: str) -> None:
    """Make a folder with all its parents."""
    await session.tell("data/dir", {"uri": uri}, Use.ASK)


async def copy(
    session: Session,
    source: str | list[str],
    dest: str | list[str],
    *,
    merge: bool = True,
    overwrite: bool = False,
) -> None:
    """Copy files or folders."""
    body = {"src": _json(source), "dest": _json(dest), "merge": merge, "overwrite": overwrite}
    await session.tell("data/copy", body, Use.ASK)


async def move(
    session: Session,
    source: str | list[str],
    dest: str | list[str],
    *,
    merge: bool = True,
    overwrite: bool = False,
    keep_original: bool = False,
) -> None:
    """Move files or folders."""
    body = {
        "src": _json(source),
        "dest": _json(dest),
        "merge": merge,
        "overwrite": overwrite,
        "keep_original": keep_original,
    }
    await session.tell("data/move", body, Use.ASK)


async def remove(session: Session, uris: str | list[str], use: Use) -> None:
    """Remove files or folders; what is not there is removed already."""
    await session.tell("data/remove", {"uri": _json(uris)}, use, expect=GONE)


async def download_link(session: Session, uri: str, use: Use) -> str:
    """Return a signed link to a file: it dies within minutes. Never to be stored or logged."""
    answer = await session.ask("data/download", {"uri": uri}, use)
    link = answer.get(uri) if isinstance(answer, dict) else None  # the key is the address itself
    if not isinstance(link, str):
        raise ProtocolError(f"the answer has no link for {uri}")
    return link


async def begin_upload(session: Session, uri: str) -> str:
    """Return the signed link to send a whole file to, up to 5 GB."""
    answer = (await session.tell("data/upload/singlepart", {"uri": uri}, Use.TRANSFER)).json()
    link = answer.get("url") if isinstance(answer, dict) else None
    if not isinstance(link, str):
        raise ProtocolError("the answer has no link to send the file to")
    return link


async def end_upload(session: Session, uri: str, md5: str) -> None:
    """Say that a whole file was sent."""
    body: JsonValue = {"uri": uri, "md5sum": md5}
    await session.tell("data/upload/singlepart/complete", body, Use.TRANSFER)


async def begin_parts(
    session: Session, uri: str, size: int, part_size: int | None = None
) -> Upload:
    """Begin to send a file in parts; the links to them are given only here."""
    body: dict[str, JsonValue] = {"uri": uri, "size": size}
    if part_size is not None:
        body["part_size"] = part_size
    reply = await session.tell("data/upload/multipart", body, Use.TRANSFER)
    return read(Upload, reply.json())


async def end_parts(
    session: Session, uri: str, upload: str, etags: Sequence[str], md5: str
) -> None:
    """Say that all parts were sent; `etags` are theirs in order, without quotes."""
    parts: JsonValue = [{"ETag": etag, "PartNumber": n} for n, etag in enumerate(etags, start=1)]
    body: JsonValue = {"upload_id": upload, "uri": uri, "parts": parts, "md5sum": md5}
    await session.tell("data/upload/multipart/complete", body, Use.TRANSFER)


async def abort_parts(session: Session, uri: str, upload: str) -> None:
    """Give an upload up; one that is not known any more is given up already."""
    body: Mapping[str, JsonValue] = {"upload_id": upload, "uri": uri}
    await session.tell("data/upload/multipart/abort", dict(body), Use.TRANSFER, expect=MISSING)


def _json(uris: str | list[str]) -> JsonValue:
    return uris if isinstance(uris, str) else [*uris]
