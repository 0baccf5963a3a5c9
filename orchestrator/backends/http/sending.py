"""Send a slice of a file to a presigned address from async code, so that it can be given up."""

from pathlib import Path
from threading import Event

from anyio.to_thread import run_sync

from orchestrator.backend import TransientError
from orchestrator.backends.http.storage import Storage
from orchestrator.backends.http.uploading import upload


async def send(
    link: str,
    source: Path,
    start: int,
    length: int,
    where: Storage,
    *,
    content_type: str | None = None,
    md5: str | None = None,
) -> str:
    """PUT a slice of a file in a worker thread; return the ETag, which a storage always tells.

    Raises what `upload` raises, OSError for the file, and TransientError without an ETag: whatever
    answered then is not known to have kept the bytes.
    """
    stop = Event()

    def sent() -> str:
        with source.open("rb") as file:
            return upload(
                link,
                file.fileno(),
                start,
                length,
                where,
                content_type=content_type,
                md5=md5,
                stop=stop.is_set,
            )

    try:
        etag = await run_sync(sent, abandon_on_cancel=True)
    finally:
        stop.set()  # a thread that is left behind by a cancel sends no more
    if not etag:
        raise TransientError("the storage did not say that it took the bytes (no ETag)")
    return etag
