"""The object store over HTTP: PUT and GET on presigned URLs, answering as the big stores do."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from orchestrator.emulators.database import Row
from orchestrator.emulators.objects import CHUNK, Objects
from orchestrator.emulators.signing import DeniedError, Dialect

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def routes(objects: Objects) -> list[Route]:
    """Return the routes of an object store."""

    async def answer(request: Request) -> Response:
        query, path = dict(request.query_params), request.scope["path"]
        try:
            now = objects.clock.date()
            objects.signer.check(request.method, path, query, request.headers, now)
        except DeniedError as denied:
            return _error(denied.status, denied.code, str(denied))
        return await (_put if request.method == "PUT" else _get)(objects, request)

    return [Route("/s3/{bucket}/{key:path}", answer, methods=["GET", "PUT"])]


async def _get(objects: Objects, request: Request) -> Response:
    row = objects.find(request.path_params["bucket"], request.path_params["key"])
    if row is None or row["blob"] is None:
        return _error(404, "NoSuchKey", "The specified key does not exist.")
    try:
        file = objects.path(row).open("rb")
    except FileNotFoundError:  # removed this moment
        return _error(404, "NoSuchKey", "The specified key does not exist.")
    return _reply(request, objects.signer.dialect, row, file)


async def _put(objects: Objects, request: Request) -> Response:
    dialect = objects.signer.dialect
    if dialect.needs_length and "content-length" not in request.headers:
        text = "You must provide the Content-Length HTTP header."
        return _error(411, "MissingContentLength", text)
    upload = request.query_params.get("uploadId")
    file = objects.new_file()
    try:
        etag = await _receive(request, file)
    except ClientDisconnect:
        file.unlink()
        return _error(400, "RequestTimeout", "The body did not come.")  # which nobody will read
    if upload is None:
        bucket, key = request.path_params["bucket"], request.path_params["key"]
        objects.put(bucket, key, file, etag, bucket)
    elif objects.upload(upload) is None:  # never begun, complete, or aborted
        file.unlink()
        return _error(404, "NoSuchUpload", "The specified upload does not exist.")
    else:
        objects.put_part(upload, int(request.query_params["partNumber"]), file, etag)
    return Response(status_code=200, headers={"ETag": f'"{etag}"', **_digest(dialect, etag)})


async def _receive(request: Request, file: Path) -> str:
    """Write the body to a file as it comes; return its MD5 in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("wb") as out:
        async for chunk in request.stream():
            out.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


def _digest(dialect: Dialect, etag: str) -> dict[str, str]:
    """Return the header that tells an object's MD5, where the store has one and the MD5 is told."""
    if not dialect.digest or "-" in etag:
        return {}
    return {dialect.digest: f"md5={base64.b64encode(bytes.fromhex(etag)).decode()}"}


def _reply(request: Request, dialect: Dialect, row: Row, file: BinaryIO) -> Response:
    size, etag = row["size"], f'"{row["etag"]}"'
    modified = datetime.fromtimestamp(row["modified"], UTC)
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Last-Modified": format_datetime(modified, usegmt=True),
        "Content-Type": "binary/octet-stream",
        **_digest(dialect, row["etag"]),
    }
    wanted = request.headers.get("range")
    if wanted is None or request.headers.get("if-range", etag) != etag:
        return _Stretch(file, 0, size, 200, **headers)
    span = _span(wanted, size)
    if span is None:
        return _Stretch(file, 0, size, 200, **headers)
    start, end = span
    if start >= size or start > end:
        file.close()
        text = "The requested range is not satisfiable"
        return _error(416, "InvalidRange", text, {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return _Stretch(file, start, end - start + 1, 206, **headers)


def _span(text: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte of a Range; None: a form that is ignored."""
    found = RANGE.fullmatch(text.strip())
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        return max(size - int(found[2]), 0) if int(found[2]) else size, size - 1
    return int(found[1]), min(int(found[2]), size - 1) if found[2] else size - 1


class _Stretch(Response):
    """A stretch of an open file, sent chunk by chunk; the file is closed at the end."""

    def __init__(
        self, file: BinaryIO, first: int, length: int, status: int, **headers: str
    ) -> None:
        super().__init__(None, status, headers | {"Content-Length": str(length)})
        self._file, self._first, self._left = file, first, length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send it."""
        with self._file:
            self._file.seek(self._first)
            start = {"type": "http.response.start", "status": self.status_code}
            await send(start | {"headers": self.raw_headers})
            while self._left and (chunk := self._file.read(min(CHUNK, self._left))):
                self._left -= len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def _error(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>"
    )
    return Response(body, status, headers, "application/xml")
