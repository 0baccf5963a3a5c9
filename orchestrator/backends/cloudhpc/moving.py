"""What people can do with the files in an account's storage: the verbs ls, get, put and rm."""

from pathlib import Path

from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import RejectedError, TransientError
from orchestrator.backends.cloudhpc import storage
from orchestrator.backends.cloudhpc.backend import CloudHpc
from orchestrator.backends.cloudhpc.layout import unfit
from orchestrator.backends.cloudhpc.replies import Item
from orchestrator.backends.http import ExpiredError, Use, download, save, send


async def ls(service: CloudHpc, folder: str = "") -> JsonValue:
    """List one level: folders end with a slash."""
    await storage.delete_cache(service.calls, Use.ASK)
    parent = (await _there(service, folder)).id if folder.strip("/") else None
    return [
        {
            "name": item.name.strip("/") + ("/" if item.type == "dir" else ""),
            "size": item.size,
            "created": item.created,
        }
        async for item in storage.items(service.calls, Use.ASK, parent)
    ]


async def get(service: CloudHpc, path: str, file: int) -> JsonValue:
    """Fetch a file into an open descriptor; its size must be that which is listed."""
    await storage.delete_cache(service.calls, Use.ASK)
    item = await _there(service, path)
    link = await storage.link(service.calls, item.id, Use.ASK)
    try:
        size, md5 = await run_sync(save, download(link, service.where), file)
    except ExpiredError as error:
        raise TransientError(str(error), effect="none") from None
    if item.size not in {None, size}:
        raise TransientError(f"{path} came damaged: {size} of {item.size} bytes", effect="none")
    return {"path": path, "size": size, "md5": md5}


async def put(service: CloudHpc, path: str, file: int) -> JsonValue:
    """Send what an open descriptor holds; never over a file that is there."""
    folder, _, name = path.strip("/").rpartition("/")
    if not folder or not name:
        raise RejectedError("a path over there is FOLDER/NAME", effect="none")
    bad = unfit(path)
    if bad:
        text = f"{path} holds {bad}, which the service does not take in names"
        raise RejectedError(text, effect="none")
    await storage.delete_cache(service.calls, Use.ASK)
    if await storage.by_path(service.calls, path.strip("/"), Use.ASK) is not None:
        raise RejectedError(f"there is a {path} already; remove it first", effect="none")
    source = Path(f"/proc/self/fd/{file}")
    size = (await run_sync(source.stat)).st_size
    link = await storage.upload_url(service.calls, folder, name, Use.ASK)
    try:
        await send(link, source, 0, size, service.where, content_type=storage.CONTENT_TYPE)
    except ExpiredError as error:
        raise TransientError(str(error), effect="none") from None
    await storage.delete_cache(service.calls, Use.ASK)
    return {"path": path, "size": size}


async def rm(service: CloudHpc, path: str) -> JsonValue:
    """Remove a file or folder."""
    await storage.delete_cache(service.calls, Use.ASK)
    await storage.delete(service.calls, (await _there(service, path)).id, Use.ASK)
    return f"{path} is removed"


async def _there(service: CloudHpc, path: str) -> Item:
    found = await storage.by_path(service.calls, path.strip("/"), Use.ASK)
    if found is None:
        raise RejectedError(f"the service shows no {path}", effect="none")
    return found
