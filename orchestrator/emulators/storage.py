"""The object store over HTTP: PUT and GET on presigned URLs, answering as S3 does."""

import hashlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from orchestrator.emulators import signing
from orchestrator.emulators.database import Row
from orchestrator.emulators.objects import Objects, read

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def routes(objects: Objects) -> list[Route]:
    """Return the routes of an object store."""

    async def answer(request: Request) -> Response:
        query, path = dict(request.query_params), request.scope["path"]
        try:
            now = datetime.now(UTC)
            signing.check(objects.signing_key, request.method, path, query, now)
        except signing.DeniedError as denied:
            return _error(403, denied.code, str(denied))
        return await (_put if request.method == "PUT" else _get)(objects, request)

    return [Route("/s3/{bucket}/{key:path}", answer, methods=["GET", "PUT"])]


async def _get(objects: Objects, request: Request) -> Response:
    row = objects.find(request.path_params["bucket"], request.path_params["key"])
    if row is None or row["blob"] is None:
        return _error(404, "NoSuchKey", "The specified key does not exist.")
    return _reply(request, row, objects.path(row))


async def _put(objects: Objects, request: Request) -> Response:
    if "content-length" not in request.headers:
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
    return Response(status_code=200, headers={"ETag": f'"{etag}"'})


async def _receive(request: Request, file: Path) -> str:
    """Write the body to a file as it comes; return its MD5 in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("wb") as out:
        async for chunk in request.stream():
            out.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


def _reply(request: Request, row: Row, path: Path) -> Response:
    size, etag = row["size"], f'"{row["etag"]}"'
    modified = datetime.fromtimestamp(row["modified"], UTC)
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Last-Modified": format_datetime(modified, usegmt=True),
        "Content-Type": "binary/octet-stream",
    }
    wanted = request.headers.get("range")
    if wanted is None or request.headers.get("if-range", etag) != etag:
        return _stream(path, 0, size, 200, headers)
    span = _span(wanted, size)
    if span is None:
        return _stream(path, 0, size, 200, headers)
    start, end = span
    if start >= size or start > end:
        text = "The requested range is not satisfiable"
        return _error(416, "InvalidRange", text, {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return _stream(path, start, end - start + 1, 206, headers)


def _span(text: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte of a Range; None: a form that is ignored."""
    found = RANGE.fullmatch(text.strip())
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        return max(size - int(found[2]), 0) if int(found[2]) else size, size - 1
    return int(found[1]), min(int(found[2]), size - 1) if found[2] else size - 1


def _stream(path: Path, start: int, length: int, status: int, headers: dict[str, str]) -> Response:
    async def chunks() -> AsyncIterator[bytes]:  # not a plain iterator: that would go to threads
        for chunk in read(path, start, length):
            yield chunk

    return StreamingResponse(chunks(), status, headers | {"Content-Length": str(length)})


def _error(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>"
    )
    return Response(body, status, headers, "application/xml")
