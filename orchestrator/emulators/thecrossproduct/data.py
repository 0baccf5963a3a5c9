"""/data: list, look, make, copy, move, remove and download."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.ground import Ground
from orchestrator.emulators.thecrossproduct import fields, listing, paging
from orchestrator.emulators.thecrossproduct.accounts import Accounts, Caller
from orchestrator.emulators.thecrossproduct.auth import knowing
from orchestrator.emulators.thecrossproduct.chores import Chores
from orchestrator.emulators.thecrossproduct.fields import body_of
from orchestrator.emulators.thecrossproduct.refusal import RefusalError, text
from orchestrator.emulators.thecrossproduct.uris import Uris

COPY = {
    "src": fields.text_or_texts,
    "dest": fields.text_or_texts,
    "merge": fields.flag,
    "overwrite": fields.flag,
}


def routes(ground: Ground, accounts: Accounts, chores: Chores, prefix: str) -> list[Route]:
    """Return the routes of /data, without those of uploads."""
    objects = ground.objects

    def uris_of(caller: Caller) -> Uris:
        return Uris(accounts, objects, caller.account)

    async def list_(request: Request, caller: Caller) -> Response:
        return _page(request, caller, paging.Cut(await body_of(request, listing.FIELDS)))

    async def turn(request: Request, caller: Caller) -> Response:
        return _page(request, caller, paging.unseal(_key(caller), request))

    def _key(caller: Caller) -> bytes:
        return objects.signing_key + f"data {caller.account}".encode()

    def _page(request: Request, caller: Caller, cut: paging.Cut) -> Response:
        items = listing.entries(uris_of(caller), objects, cut.query)
        url = f"{request.base_url}{prefix.strip('/')}/data"
        chosen, about = paging.page(_key(caller), url, cut, items)
        files = [it for is_folder, it in chosen if not is_folder]
        folders = [it for is_folder, it in chosen if is_folder]
        return JSONResponse({"paging": about, "files": files, "dirs": folders})

    async def exists(request: Request, caller: Caller) -> Response:
        uris = uris_of(caller)
        body = await body_of(request, {"uri": fields.text_or_texts}, "uri")
        for uri in body["uri"]:
            place = uris.place(uri)
            if objects.find(place.bucket, place.key) is None:
                raise RefusalError(404, f"'{uri}' does not exist")
        return text("Exists")

    async def make(request: Request, caller: Caller) -> Response:
        body = await body_of(request, {"uri": fields.words}, "uri")
        place = uris_of(caller).place(body["uri"])
        objects.make_folders(place.bucket, place.key.removesuffix("/") + "/", caller.account)
        return text("Created")

    async def copy(request: Request, caller: Caller) -> Response:
        body = await body_of(request, COPY, "src", "dest")
        chores.promise(_transfers("copy", uris_of(caller), body))
        return text("Copy scheduled")

    async def move(request: Request, caller: Caller) -> Response:
        body = await body_of(request, COPY | {"keep_original": fields.flag}, "src", "dest")
        chores.promise(_transfers("move", uris_of(caller), body))
        return text("Move scheduled")

    def _transfers(do: str, uris: Uris, body: dict[str, Any]) -> list[dict[str, Any]]:
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
            if objects.find(start.bucket, start.key) is None:
                raise RefusalError(404, f"'{src}' does not exist")
            ends = {"src": [start.bucket, start.key], "dest": [end.bucket, end.key]}
            found.append({"do": do, "owner": uris.account, **ends, **chosen})
        return found

    async def remove(request: Request, caller: Caller) -> Response:
        uris = uris_of(caller)
        body = await body_of(request, {"uri": fields.text_or_texts}, "uri")
        places = [uris.place(uri) for uri in body["uri"]]
        chores.promise([{"do": "remove", "place": [it.bucket, it.key]} for it in places])
        return text("Removal scheduled")

    async def download(request: Request, caller: Caller) -> Response:
        uri = (await body_of(request, {"uri": fields.words}, "uri"))["uri"]
        row = uris_of(caller).file(uri)
        objects.count_download(row["bucket"], row["key"])
        origin = str(request.base_url).rstrip("/")
        answer = {uri: ground.url(origin, "GET", row["bucket"], row["key"])}
        return JSONResponse(answer | ({"md5sum": row["md5sum"]} if row["md5sum"] else {}))

    at = f"{prefix}/data"
    ends = {"exists": exists, "dir": make, "copy": copy, "move": move, "remove": remove}
    return [
        Route(at, knowing(accounts, list_), methods=["GET", "POST"]),
        *paging.routes(at, knowing(accounts, turn)),
        *(
            Route(f"{at}/{it}", knowing(accounts, end), methods=["POST"])
            for it, end in ends.items()
        ),
        Route(f"{at}/download", knowing(accounts, download), methods=["POST"]),
    ]
