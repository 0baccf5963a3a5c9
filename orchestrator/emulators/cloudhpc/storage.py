"""/storage and /user/delete-cache."""

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from orchestrator.emulators.cloudhpc.answers import RefusalError, body_of, text
from orchestrator.emulators.cloudhpc.gate import Gate
from orchestrator.emulators.cloudhpc.items import BUCKET, RESULTS, Items
from orchestrator.emulators.cloudhpc.listings import Listings
from orchestrator.emulators.cloudhpc.paths import PREFIX, direction, whole
from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground, origin

HOSTILE = (
    "../escaped", "/etc/absolute", "a/../../b", "nul\0byte", "new\nline", "back\\slash",
    "e\x1b[31mred", "CASE.txt", "case.txt", "l" * 300, ".", "", "trailing/",
)  # fmt: skip
SORTED_BY = ("id", "name", "basename", "dirname", "type", "size", "timeCreated")


class Storage:
    """The endpoints of the account's storage."""

    def __init__(self, ground: Ground, items: Items) -> None:
        self._ground, self._items = ground, items
        self._listings = Listings(ground.db)

    def routes(self, gate: Gate) -> list[Route]:
        """Return the routes."""
        at = f"{PREFIX}/storage"
        listed = f"{at}/index/{{field}}/{{direction}}"
        ends = [
            (f"{at}/upload-url", self._upload_url, "POST"),
            (f"{listed}/{{page}}", self._index, "GET"),
            (f"{listed}/parent_id/{{id}}/{{page}}", self._index, "GET"),
            (f"{at}/view-by-path", self._view_by_path, "POST"),
            (f"{at}/view-url/{{id}}", self._view_url, "GET"),
            (f"{at}/download/{{id}}", self._download, "GET"),
            (f"{at}/delete/{{id}}", self._delete, "DELETE"),
            (f"{PREFIX}/user/delete-cache", self._delete_cache, "DELETE"),
        ]
        return [Route(path, gate(end), methods=[method]) for path, end, method in ends]

    async def _upload_url(self, request: Request) -> object:
        body = await body_of(request)
        folder, name = text(body, "dirname").strip("/"), text(body, "filename")
        kind, parts = text(body, "contentType"), f"{folder}/{name}".lstrip("/").split("/")
        if not name or not kind or "/" in name or not all(it.strip(".") for it in parts):
            raise RefusalError
        key, headers = "/".join(parts), {"content-type": kind}
        return {"url": self._ground.url(origin(request), "PUT", BUCKET, key, headers=headers)}

    async def _index(self, request: Request) -> object:
        return self._listings.answer(request.url.path, lambda: self._page(request))

    def _page(self, request: Request) -> list[dict[str, Any]]:
        self._items.expire()
        field, page = request.path_params["field"], whole(request, "page")
        if field not in SORTED_BY or page < 1:
            raise RefusalError
        folder = self._folder(request)
        found = [self._items.told(row) for row in self._present(request, folder)]
        found += self._hostile(request, folder)
        found.sort(key=lambda it: (_comparable(it, field), it["id"]), reverse=direction(request))
        size = int(self._ground.dials["storage-page"])
        shown = found[(page - 1) * size : page * size]
        return [self._dressed(request, item) for item in shown]

    def _folder(self, request: Request) -> str:
        if "id" not in request.path_params:
            return ""
        row = self._items.get(whole(request, "id"))
        if row["blob"] is not None:
            raise RefusalError
        return str(row["key"])

    def _present(self, request: Request, folder: str) -> list[Row]:
        """Return what lies in a folder, perhaps without the results that just came."""
        lag = self._ground.faults.strike("late-results", _where(request))
        newest = self._ground.clock.now() - float(lag or 0)
        rows = self._items.inside(folder)
        return [row for row in rows if row["owner"] != RESULTS or row["modified"] <= newest]

    def _hostile(self, request: Request, folder: str) -> list[dict[str, Any]]:
        """Return the first result of a folder once more under each bad name, if a fault is on."""
        results = [row for row in self._items.inside(folder) if row["owner"] == RESULTS]
        if not results or self._ground.faults.strike("hostile-names", _where(request)) is None:
            return []
        names = [*(f"{folder}{name}" for name in HOSTILE), *HOSTILE[:2]]
        return [self._items.told(results[0], name) for name in names]

    def _dressed(self, request: Request, item: dict[str, Any]) -> dict[str, Any]:
        """Return an item with numbers of the other type, if a fault is on."""
        where = _where(request)
        if self._ground.faults.strike("numbers-as-texts", where) is not None:
            item["id"] = str(item["id"])
        if self._ground.faults.strike("texts-as-numbers", where) is not None and item["size"]:
            item["size"] = int(item["size"])
        return item

    async def _view_by_path(self, request: Request) -> object:
        path = text(await body_of(request), "path")

        def find() -> object:
            self._items.expire()
            return self._dressed(request, self._items.told(self._items.at(path)))

        return self._listings.answer(f"path {path.strip('/')}", find)

    async def _view_url(self, request: Request) -> object:
        row, id_ = self._file(request), whole(request, "id")
        if self._items.count_asking(id_) < self._ground.dials["empty-links"]:
            return {"mediaLink": ""}
        return {"mediaLink": self._link(request, row)}

    async def _download(self, request: Request) -> object:
        link = self._link(request, self._file(request))
        shape = self._ground.faults.strike("download-shape", _where(request))
        return link if shape is None else {shape: link}

    def _file(self, request: Request) -> Row:
        self._items.expire()
        row = self._items.get(whole(request, "id"))
        if row["blob"] is None:
            raise RefusalError
        return row

    def _link(self, request: Request, row: Row) -> str:
        return self._ground.url(origin(request), "GET", BUCKET, row["key"])

    async def _delete(self, request: Request) -> object:
        row = self._items.get(whole(request, "id"))
        below = self._items.below(row["key"]) if row["blob"] is None else []
        self._items.remove([*below, row])
        return True

    async def _delete_cache(self, _: Request) -> object:
        self._listings.forget()
        return True


def _where(request: Request) -> str:
    return f"{request.method} {request.url.path}"


def _comparable(item: dict[str, Any], field: str) -> Any:
    value = item[field]
    return int(value or -1) if field == "size" else value
