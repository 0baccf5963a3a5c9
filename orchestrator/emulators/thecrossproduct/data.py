"""/data: list, look, make, copy, move, remove and download."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.ground import Ground, origin
from orchestrator.emulators.thecrossproduct import fields, listing, paging
from orchestrator.emulators.thecrossproduct.accounts import Accounts, Caller
from orchestrator.emulators.thecrossproduct.auth import knowing
from orchestrator.emulators.thecrossproduct.chores import Chores
from orchestrator.emulators.thecrossproduct.fields import body_of
from orchestrator.emulators.thecrossproduct.paths import PREFIX
from orchestrator.emulators.thecrossproduct.refusal import RefusalError, text
from orchestrator.emulators.thecrossproduct.uris import Uris

COPY = {
    "src": fields.text_or_texts,
    "dest": fields.text_or_texts,
    "merge": fields.flag,
    "overwrite": fields.flag,
}


class Data:
    """The endpoints of /data, without those of uploads."""

    def __init__(self, ground: Ground, accounts: Accounts, chores: Chores) -> None:
        self._ground, self._accounts, self._chores = ground, accounts, chores
        self._objects = ground.objects

    def routes(self) -> list[Route]:
        """Return the routes."""
        at = f"{PREFIX}/data"
        ends = {
            "exists": self._exists,
            "dir": self._make,
            "copy": self._copy,
            "move": self._move,
            "remove": self._remove,
        }
        return [
            Route(at, knowing(self._accounts, self._list_), methods=["GET", "POST"]),
            *paging.routes(at, knowing(self._accounts, self._turn)),
            *(
                Route(f"{at}/{it}", knowing(self._accounts, end), methods=["POST"])
                for it, end in ends.items()
            ),
            Route(f"{at}/download", knowing(self._accounts, self._download), methods=["POST"]),
        ]

    def _uris_of(self, caller: Caller) -> Uris:
        return Uris(self._accounts, self._objects, caller.account)

    async def _list_(self, request: Request, caller: Caller) -> Response:
        return self._page(request, caller, paging.Cut(await body_of(request, listing.FIELDS)))

    async def _turn(self, request: Request, caller: Caller) -> Response:
        return self._page(request, caller, paging.unseal(self._key(caller), request))

    def _key(self, caller: Caller) -> bytes:
        return self._objects.signing_key + f"data {caller.account}".encode()

    def _page(self, request: Request, caller: Caller, cut: paging.Cut) -> Response:
        items = listing.entries(self._uris_of(caller), self._objects, cut.query)
        url = f"{origin(request)}{PREFIX}/data"
        chosen, about = paging.page(self._key(caller), url, cut, items)
        files = [it for is_folder, it in chosen if not is_folder]
        folders = [it for is_folder, it in chosen if is_folder]
        return JSONResponse({"paging": about, "files": files, "dirs": folders})

    async def _exists(self, request: Request, caller: Caller) -> Response:
        uris = self._uris_of(caller)
        body = await body_of(request, {"uri": fields.text_or_texts}, "uri")
        for uri in body["uri"]:
            place = uris.place(uri)
            if self._objects.find(place.bucket, place.key) is None:
                raise RefusalError(404, f"'{uri}' does not exist")
        return text("Exists")

    async def _make(self, request: Request, caller: Caller) -> Response:
        body = await body_of(request, {"uri": fields.words}, "uri")
        place = self._uris_of(caller).place(body["uri"])
        self._objects.make_folders(place.bucket, place.key.removesuffix("/") + "/", caller.account)
        return text("Created")

    async def _copy(self, request: Request, caller: Caller) -> Response:
        body = await body_of(request, COPY, "src", "dest")
        self._chores.promise(self._transfers("copy", self._uris_of(caller), body))
        return text("Copy scheduled")

    async def _move(self, request: Request, caller: Caller) -> Response:
        body = await body_of(request, COPY | {"keep_original": fields.flag}, "src", "dest")
        self._chores.promise(self._transfers("move", self._uris_of(caller), body))
        return text("Move scheduled")

    def _transfers(self, do: str, uris: Uris, body: dict[str, Any]) -> list[dict[str, Any]]:
        if len(body["src"]) != len(body["dest"]):
            raise RefusalError(400, "src and dest differ in length")
        chosen = {
            "merge": body.get("merge", True),
            "overwrite": body.get("overwrite", False),
            "keep_original": body.get("keep_original", False),
        }
        found = []
        for src, dest in zip(body["src"], body["dest"], strict=True):
            start, end = uris.place(src), uris.place(dest)
            if self._objects.find(start.bucket, start.key) is None:
                raise RefusalError(404, f"'{src}' does not exist")
            ends = {"src": [start.bucket, start.key], "dest": [end.bucket, end.key]}
            found.append({"do": do, "owner": uris.account, **ends, **chosen})
        return found

    async def _remove(self, request: Request, caller: Caller) -> Response:
        uris = self._uris_of(caller)
        body = await body_of(request, {"uri": fields.text_or_texts}, "uri")
        places = [uris.place(uri) for uri in body["uri"]]
        self._chores.promise([{"do": "remove", "place": [it.bucket, it.key]} for it in places])
        return text("Removal scheduled")

    async def _download(self, request: Request, caller: Caller) -> Response:
        uri = (await body_of(request, {"uri": fields.words}, "uri"))["uri"]
        row = self._uris_of(caller).file(uri)
        self._objects.count_download(row["bucket"], row["key"])
        answer = {uri: self._ground.url(origin(request), "GET", row["bucket"], row["key"])}
        return JSONResponse(answer | ({"md5sum": row["md5sum"]} if row["md5sum"] else {}))
