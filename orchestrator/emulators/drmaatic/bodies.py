"""How this service reads a body: a form of either kind, taken as far as it came."""

import re
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from orchestrator.emulators.drmaatic.answers import BrokenError, detail

HEAD_END = b"\r\n\r\n"
# What Django takes of one body, unless it is told otherwise: files, fields, bytes beside files.
MOST_FILES, MOST_FIELDS, MOST_BYTES = 100, 1000, 2_621_440


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The values of each field in their order."""

    fields: dict[str, list[str | Upload]] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return the last value of a field, trimmed; None: there is none, or it is a file."""
        value = self.fields.get(name, [None])[-1]
        return value.strip() if isinstance(value, str) else None


async def form_of(request: Request) -> Form:
    """Return the form in a body. Raises RefusalError for another kind, BrokenError for too much."""
    form = await _form_of(request)
    values = [value for values in form.fields.values() for value in values]
    texts = [value.encode() for value in values if isinstance(value, str)]
    enough = sum(map(len, texts)) <= MOST_BYTES and len(texts) <= MOST_FIELDS
    if not enough or len(values) - len(texts) > MOST_FILES:
        raise BrokenError("Bad Request (400)", 400)
    return form


async def _form_of(request: Request) -> Form:
    kind = Message()
    kind["content-type"] = request.headers.get("content-type", "")
    raw = await _received(request)
    boundary = kind.get_param("boundary")
    if kind.get_content_type() == "multipart/form-data" and isinstance(boundary, str):
        return multipart(raw, boundary.encode())
    if kind.get_content_type() == "application/x-www-form-urlencoded":
        form = Form()
        for name, value in parse_qsl(raw.decode(errors="replace"), keep_blank_values=True):
            form.fields.setdefault(name, []).append(value)
        return form
    if not raw:
        return Form()
    said = request.headers.get("content-type", "")
    raise detail(415, f'Unsupported media type "{said}" in request.')


async def _received(request: Request) -> bytes:
    """Return what came of a body; one whose length was not told is taken for empty."""
    if "content-length" not in request.headers:
        return b""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
    except ClientDisconnect:
        pass  # the service makes do with what it has
    return bytes(body)


def multipart(raw: bytes, boundary: bytes) -> Form:
    """Return the form in a multipart body that may end anywhere.

    A text goes as far as it came. A file counts only if something came after the boundary that
    ends it; a part whose headers did not come to their end does not count.
    """
    form = Form()
    pieces = (b"\r\n" + raw).split(b"\r\n--" + boundary)
    for number, piece in enumerate(pieces[1:], start=1):
        head, end, data = piece.partition(HEAD_END)
        name, filename = _word(head, b"name"), _word(head, b"filename").replace("\\", "/")
        is_whole = any(pieces[number + 1 : number + 2])
        if not end or not name or (filename and not is_whole):
            continue
        upload = Upload(filename.rpartition("/")[2], data)
        value = upload if filename else data.decode(errors="replace")
        form.fields.setdefault(name, []).append(value)
    return form


def _word(head: bytes, name: bytes) -> str:
    """Return a quoted word of a part's Content-Disposition, empty if it is not there."""
    found = re.search(
        rb"content-disposition:[^\r\n]*[; ]" + name + rb'="([^"\r\n]*)"', head, re.IGNORECASE
    )
    return found[1].decode(errors="replace") if found else ""
