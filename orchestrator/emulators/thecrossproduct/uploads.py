"""/data/upload: bytes come by presigned URLs, in one part or in many, and show when complete."""

import re
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground, origin
from orchestrator.emulators.objects import etag_of
from orchestrator.emulators.thecrossproduct import fields
from orchestrator.emulators.thecrossproduct.accounts import Accounts, Caller
from orchestrator.emulators.thecrossproduct.auth import knowing
from orchestrator.emulators.thecrossproduct.fields import body_of
from orchestrator.emulators.thecrossproduct.paths import PREFIX
from orchestrator.emulators.thecrossproduct.refusal import RefusalError, text
from orchestrator.emulators.thecrossproduct.uris import Uris

PART = 8 * 1024**2  # the size of a part, where none is wished for
MOST_PARTS = 10_000
LARGEST_SINGLE = 5 * 1024**3
SIZE = re.compile(r"(\d{1,18}(?:\.\d+)?)\s*([KMGTP]?)b?", re.IGNORECASE)


def size_of(value: object) -> int:
    """Check bytes: a number, digits, or the human form "10Gb" (the letters are powers of 1024)."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError
    if not found[2] and "." not in found[1]:
        return int(found[1])
    return int(float(found[1]) * 1024 ** " KMGTP".index(found[2].upper() or " "))


def _sizes(value: object) -> list[int | None]:
    if not isinstance(value, list):
        return [size_of(value)]
    return [None if it is None else size_of(it) for it in value]


def _lists(value: object) -> list[Any]:
    """Check the parts of one upload, or a list of such for several."""
    if not isinstance(value, list):
        raise TypeError
    return value if all(isinstance(it, list) for it in value) and value else [value]


BEGIN = {"uri": fields.text_or_texts, "size": _sizes, "part_size": _sizes}
ABORT = {"uri": fields.text_or_texts, "upload_id": fields.text_or_texts}
COMPLETE = ABORT | {"parts": _lists, "md5sum": fields.text_or_texts}


class Uploads:
    """The endpoints of /data/upload."""

    def __init__(self, ground: Ground, accounts: Accounts) -> None:
        self._ground, self._accounts = ground, accounts
        self._objects = ground.objects

    def routes(self) -> list[Route]:
        """Return the routes."""
        ends = {
            "singlepart": self._single,
            "singlepart/complete": self._single_complete,
            "multipart": self._multi,
            "multipart/complete": self._multi_complete,
            "multipart/abort": self._multi_abort,
        }
        at = f"{PREFIX}/data/upload"
        return [
            Route(f"{at}/{it}", knowing(self._accounts, end), methods=["POST"])
            for it, end in ends.items()
        ]

    def _begin_one(self, request: Request, caller: Caller, uri: str, size: int, part: int) -> Any:
        place = Uris(self._accounts, self._objects, caller.account).place(uri)
        count = max(-(-size // part), 1)
        if place.is_folder or count > MOST_PARTS:
            raise RefusalError(400, f"Invalid uri or part_size for '{uri}'")
        upload = self._objects.begin(place.bucket, place.key, caller.account, count)
        urls = [
            self._ground.url(
                origin(request), "PUT", place.bucket, place.key,
                more={"uploadId": upload, "partNumber": str(number)},
            )
            for number in range(1, count + 1)
        ]  # fmt: skip
        return {"upload_id": upload, "parts": urls, "part_size": part}

    async def _single(self, request: Request, caller: Caller) -> Response:
        uri = (await body_of(request, {"uri": fields.words}, "uri"))["uri"]
        begun = self._begin_one(request, caller, uri, 1, LARGEST_SINGLE)
        return JSONResponse({"url": begun["parts"][0]})

    async def _single_complete(self, request: Request, caller: Caller) -> Response:
        checks = {"uri": fields.text_or_texts, "md5sum": fields.text_or_texts}
        body = await body_of(request, checks, "uri")
        for uri, md5sum in _zip(body["uri"], body.get("md5sum")):
            place = Uris(self._accounts, self._objects, caller.account).place(uri)
            upload = self._objects.latest_upload(place.bucket, place.key)
            if upload is None or not self._objects.parts(upload["id"]):
                raise RefusalError(404, f"No upload of '{uri}'")
            await self._finish(upload, self._objects.parts(upload["id"]), md5sum)
        return text("Upload completed")

    async def _multi(self, request: Request, caller: Caller) -> Response:
        body = await body_of(request, BEGIN, "uri", "size")
        begun = []
        wishes = body.get("part_size", [None])
        wishes = wishes * len(body["uri"]) if len(wishes) == 1 else wishes
        for uri, size, wish in _zip(body["uri"], body["size"], wishes):
            if size is None or wish == 0:
                raise RefusalError(400, f"Invalid size or part_size for '{uri}'")
            part = wish or max(PART, -(-size // MOST_PARTS))
            begun.append(self._begin_one(request, caller, uri, size, part))
        several = isinstance((await request.json())["uri"], list)
        return JSONResponse({"uploads": begun} if several else begun[0])

    def _upload_of(self, caller: Caller, id_: str, uri: str) -> Row:
        place = Uris(self._accounts, self._objects, caller.account).place(uri)
        upload = self._objects.upload(id_)
        if upload is None or (upload["bucket"], upload["key"]) != (place.bucket, place.key):
            raise RefusalError(404, f"No upload '{id_}' of '{uri}'")
        return upload

    async def _multi_complete(self, request: Request, caller: Caller) -> Response:
        body = await body_of(request, COMPLETE, "uri", "upload_id", "parts")
        jobs = []
        for uri, id_, told, md5sum in _zip(
            body["uri"], body["upload_id"], body["parts"], body.get("md5sum")
        ):
            upload = self._upload_of(caller, id_, uri)
            jobs.append((upload, _checked(upload, self._objects.parts(id_), told), md5sum))
        for upload, parts, md5sum in jobs:
            await self._finish(upload, parts, md5sum)
        return text("Upload completed")

    async def _finish(self, upload: Row, parts: list[Row], md5sum: str | None) -> None:
        file = await to_thread.run_sync(self._objects.join, parts)
        if self._objects.upload(upload["id"]) is None:  # aborted or completed meanwhile
            file.unlink()
            raise RefusalError(404, f"No upload '{upload['id']}'")
        etag = parts[0]["etag"] if upload["parts"] == 1 else etag_of(parts)
        self._objects.complete(upload, file, etag, md5sum)

    async def _multi_abort(self, request: Request, caller: Caller) -> Response:
        body = await body_of(request, ABORT, "uri", "upload_id")
        pairs = _zip(body["uri"], body["upload_id"])
        for upload in [self._upload_of(caller, id_, uri) for uri, id_ in pairs]:
            self._objects.abort(upload["id"])
        return text("Upload aborted")


def _zip(first: list[Any], *others: list[Any] | None) -> list[tuple[Any, ...]]:
    """Return the columns side by side; a missing one is all None. Raises RefusalError."""
    columns = [first, *([None] * len(first) if it is None else it for it in others)]
    if any(len(it) != len(first) for it in columns):
        raise RefusalError(400, "Arrays differ in length")
    return list(zip(*columns, strict=True))


def _checked(upload: Row, parts: list[Row], told: list[Any]) -> list[Row]:
    """Return the parts if those that are told are those that came, all of them, in order."""
    have = [(it["number"], it["etag"]) for it in parts]
    try:
        says = [(it["PartNumber"], it["ETag"].strip('"')) for it in told]
    except (TypeError, KeyError, AttributeError):
        raise RefusalError(400, "Invalid value for field 'parts'") from None
    if says != have or len(have) != upload["parts"]:
        raise RefusalError(400, "InvalidPart: parts are missing, or an ETag is wrong")
    return parts
