"""The account's storage: every endpoint below /storage, and /user/delete-cache.

Listings are remembered over there until the cache is deleted: whatever must be fresh is asked for
after that.
"""

from collections.abc import AsyncIterator
from contextlib import suppress

from pydantic import JsonValue

from orchestrator.backend import ProtocolError, TransientError
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.replies import Item, Items, link_of
from orchestrator.backends.cloudhpc.simulations import Order
from orchestrator.backends.http import Use
from orchestrator.backends.http.typed import read

MOST_PAGES = 1000  # a list that never ends is a fault over there
CONTENT_TYPE = "application/octet-stream"
ASK_AGAIN = 2.0  # seconds; what the vendor's own programs wait for an address


async def delete_cache(calls: Calls, use: Use) -> None:
    """Have the next listings be fresh; also tells the service that an upload is complete.

    Nothing is changed by it that could be missed: it counts as reading.
    """
    await calls.ask("DELETE", "user/delete-cache", use)


async def upload_url(calls: Calls, folder: str, name: str, use: Use) -> str:
    """Return a signed address for a PUT of a new file, with CONTENT_TYPE as its type."""
    body: JsonValue = {"dirname": folder, "filename": name, "contentType": CONTENT_TYPE}
    link = link_of(await calls.ask("POST", "storage/upload-url", use, body))
    if not link:
        raise ProtocolError("the service gave no address for an upload", effect="none")
    return link


async def page(
    calls: Calls,
    number: int,
    use: Use,
    *,
    parent: str | None = None,
    field: str = "name",
    order: Order = "asc",
) -> list[Item]:
    """Return a page (1, 2, …) of what lies in a folder, or at the root; [] past the end."""
    below = "" if parent is None else f"/parent_id/{parent}"
    found = await calls.get(f"storage/index/{field}/{order}{below}/{number}", use)
    return read(Items, found, "list of files")


async def items(calls: Calls, use: Use, parent: str | None = None) -> AsyncIterator[Item]:
    """Yield everything that lies right in a folder, or at the root."""
    for number in range(1, MOST_PAGES + 1):
        rows = await page(calls, number, use, parent=parent)
        if not rows:
            return
        for row in rows:
            yield row
    raise ProtocolError(f"a folder has more than {MOST_PAGES} pages", effect="none")


async def by_path(calls: Calls, path: str, use: Use) -> Item | None:
    """Return a file or folder; None when the service says that it cannot: it may not be there."""
    found = await calls.known("POST", "storage/view-by-path", use, {"path": path})
    return read(Item, found, "file") if found else None


async def find(calls: Calls, path: str, use: Use) -> Item | None:
    """Return a file or folder at the root of the storage; None when a whole listing lacks it."""
    found = await by_path(calls, path, use)
    if found is not None:
        return found
    async for item in items(calls, use):
        if item.name.strip("/") == path:
            return item
    return None


async def media_link(calls: Calls, id_: str, use: Use) -> str:
    """Return a signed address of a file, "" while the service has none."""
    return link_of(await calls.get(f"storage/view-url/{id_}", use))


async def download_link(calls: Calls, id_: str, use: Use) -> str:
    """Return a signed address of a file, as the documented call gives it; "" when it cannot."""
    return link_of(await calls.known("GET", f"storage/download/{id_}", use))


async def link(calls: Calls, id_: str, use: Use) -> str:
    """Return a signed address of a file: as documented, else in the undocumented way.

    Raises TransientError, with the time to ask again, while the service has none.
    """
    found = ""
    with suppress(ProtocolError):
        found = await download_link(calls, id_, use)
    found = found or await media_link(calls, id_, use)
    if not found:
        text = f"the service has no address for file {id_} yet"
        raise TransientError(text, effect="none", retry_after=ASK_AGAIN)
    return found


async def delete(calls: Calls, id_: str, use: Use) -> None:
    """Remove a file or folder for good."""
    await calls.tell("DELETE", f"storage/delete/{id_}", use)
