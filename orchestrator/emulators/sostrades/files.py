"""Files as replies: with a tag, a date, and parts of them."""

import re
import zlib
from email.utils import formatdate
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from orchestrator.emulators.sostrades.answers import RefusalError

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def served(request: Request, path: Path, kind: str) -> Response:
    """Return a file. Raises RefusalError for a part that there is not, FileNotFoundError."""
    data, facts = path.read_bytes(), path.stat()
    tag = f'"{facts.st_mtime}-{len(data)}-{zlib.adler32(str(path).encode())}"'
    headers = {"Content-Disposition": f"inline; filename={path.name}", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    headers["Last-Modified"] = formatdate(facts.st_mtime, usegmt=True)
    asked = RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return Response(data, 200, headers, kind)
    first, last = _part(asked[1], asked[2], len(data))
    if not 0 <= first <= last:
        raise RefusalError(416, "The requested range cannot be satisfied.")
    headers |= {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{len(data)}"}
    return Response(data[first : last + 1], 206, headers, kind)


def _part(start: str, end: str, size: int) -> tuple[int, int]:
    """Return the first and the last byte that are meant; the last ones if no start is said.

    More of these than there are is no part of it, as werkzeug has it; others give the whole.
    """
    if not start:
        return size - int(end), size - 1
    return int(start), min(int(end), size - 1) if end else size - 1
