"""What lies in the folder of a run, and the archive that its program may have made."""

import mimetypes
import os
from collections.abc import Iterator
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from orchestrator.emulators.drmaatic.answers import BrokenError

CHUNK = 1 << 16
HOSTILE = (
    "../escaped", "/etc/absolute", "a/../../b", "nul\0byte", "new\nline", "back\\slash",
    "e\x1b[31mred", "CASE.txt", "case.txt", "l" * 300, ".", "", "trailing/",
)  # fmt: skip


def names(folder: Path, newest: float) -> list[str]:
    """Return the names of all files below a folder that were made by then, in no order.

    Links are among them, wherever they lead; what is behind a link to a folder is not.
    """
    found = []
    for path, _, files in os.walk(folder):
        inside = os.path.relpath(path, folder)
        seen = [name for name in files if _was_there(f"{path}/{name}", newest)]
        found += [name if inside == "." else f"{inside}/{name}" for name in seen]
    return found


def _was_there(path: str, newest: float) -> bool:
    try:
        return os.lstat(path).st_ctime <= newest
    except FileNotFoundError:  # the run removed it this moment
        return False


def served(path: Path, kind: str, disposition: str) -> Response:
    """Return a file as a reply. Raises FileNotFoundError, BrokenError for what cannot be read."""
    if path.exists() and not path.is_file():
        raise BrokenError  # the service would wait for a pipe's other end
    size = path.stat().st_size
    headers = {"Content-Type": kind, "Content-Disposition": disposition}
    return StreamingResponse(_chunks(path, size), headers=headers | {"Content-Length": str(size)})


def kind(name: str) -> str:
    """Return the media type of a file by its name."""
    return mimetypes.guess_type(name)[0] or "text/plain"


def _chunks(path: Path, left: int) -> Iterator[bytes]:
    """Read as much as there was when the length was told, though more may have come."""
    with path.open("rb") as file:
        while left and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
