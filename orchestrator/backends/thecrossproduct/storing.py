"""What people can do with the files in an account's storage: the verbs ls, get, put and so on."""

from contextlib import suppress
from pathlib import Path

from anyio import move_on_after
from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import BackendError, Begun, RejectedError, TransientError
from orchestrator.backends.http import Use, download, save
from orchestrator.backends.thecrossproduct import data
from orchestrator.backends.thecrossproduct.backend import TheCrossProduct
from orchestrator.backends.thecrossproduct.staging import Stager

ABORT_LIMIT = 5.0  # seconds


async def ls(service: TheCrossProduct, folder: str = "") -> JsonValue:
    """List one level: folders end with a slash."""
    folders, files = await data.level(service.session, folder, Use.ASK)
    rows: list[JsonValue] = [{"name": name, "size": None, "changed": None} for name in folders]
    for file in files:
        about = file if isinstance(file, dict) else {"path": file}
        row = {"name": "path", "size": "size", "changed": "last_modified"}
        rows.append({column: about.get(key) for column, key in row.items()})
    return rows


async def get(service: TheCrossProduct, path: str, file: int) -> JsonValue:
    """Fetch a file into an open descriptor; its size and MD5 must be those that are listed."""
    listed = await data.files(service.session, path, Use.ASK)
    about = next((one for one in listed if one.path == path), None)
    if about is None:
        raise RejectedError(f"there is no file {path}", effect="none")
    link = await data.download_link(service.session, path, Use.ASK)
    size, md5 = await run_sync(save, download(link, service.storage), file)
    if about.size not in {None, size} or about.md5sum not in {None, "", md5}:
        raise TransientError(f"{path} came damaged: {size} bytes with MD5 {md5}", effect="none")
    return {"path": path, "size": size, "md5": md5}


async def put(service: TheCrossProduct, path: str, file: int) -> JsonValue:
    """Send what an open descriptor holds; never over a file that is there."""
    if await data.exists(service.session, path, Use.ASK):
        raise RejectedError(f"there is a {path} already; remove it first", effect="none")
    stager = Stager(service.session, service.storage)
    memo: dict[str, JsonValue] = {}
    try:
        while isinstance(
            staged := await stager.stage(memo, path, Path(f"/proc/self/fd/{file}")), Begun
        ):
            memo = dict(staged.memo)
    except BaseException:
        with suppress(BackendError), move_on_after(ABORT_LIMIT, shield=True):
            await stager.abort(memo)  # nobody will go on with it
        raise
    return {"path": path, "size": staged.size, "sha256": staged.sha256}


async def rm(service: TheCrossProduct, path: str) -> JsonValue:
    """Remove a file or folder."""
    await data.remove(service.session, path, Use.ASK)
    return f"{path} is being removed"


async def mkdir(service: TheCrossProduct, path: str) -> JsonValue:
    """Make a folder."""
    await data.make_folder(service.session, path)
    return f"{path} is made"


async def cp(service: TheCrossProduct, source: str, to: str) -> JsonValue:
    """Copy a file or folder."""
    await data.copy(service.session, source, to)
    return f"{source} is being copied to {to}"


async def mv(service: TheCrossProduct, source: str, to: str) -> JsonValue:
    """Move a file or folder."""
    await data.move(service.session, source, to)
    return f"{source} is being moved to {to}"
