"""Lists in pages: full URLs to the next and the previous page, good for any number of GETs."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from orchestrator.emulators.thecrossproduct.refusal import Endpoint, RefusalError

PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Cut:
    """Which page of which list: what was asked for, and the key it begins after or ends before."""

    query: dict[str, Any] = field(default_factory=dict)
    after: str | None = None
    before: str | None = None

    @property
    def per_page(self) -> int:
        """How many items a page has at most."""
        return int(self.query.get("items_per_page", PER_PAGE))


def page(key: bytes, url: str, cut: Cut, items: Sequence[tuple[str, Any]]) -> tuple[list[Any], Any]:
    """Return the items of one page, and what `paging` says. `items` are sorted by their keys."""
    if cut.before is not None:
        chosen = [it for it in items if it[0] < cut.before][-cut.per_page :]
    else:
        chosen = [it for it in items if cut.after is None or it[0] > cut.after][: cut.per_page]
    # The vendor's tests want a list on a single page to give its own length for both.
    per_page = min(cut.per_page, len(items))
    paging: dict[str, Any] = {"count": len(chosen), "items_per_page": per_page}
    if chosen and chosen[-1][0] != items[-1][0]:
        paging["next"] = f"{url}/next/{_seal(key, cut.query, chosen[-1][0])}"
    if chosen and chosen[0][0] != items[0][0]:
        paging["previous"] = f"{url}/previous/{_seal(key, cut.query, chosen[0][0])}"
    return [item for _, item in chosen], paging


def routes(path: str, turn: Endpoint) -> list[Route]:
    """Return the routes of the next and the previous page of the list at a path."""
    return [Route(f"{path}/{way}/{{token}}", turn, methods=["GET"]) for way in ("next", "previous")]


def unseal(key: bytes, request: Request) -> Cut:
    """Return what the URL of a next or previous page stands for. Raises RefusalError."""
    way = request.url.path.split("/")[-2]
    body, _, mark = request.path_params["token"].partition(".")
    if not hmac.compare_digest(_mark(key, body), mark):
        raise RefusalError(400, "Invalid page token")
    query, edge = json.loads(base64.urlsafe_b64decode(body))
    return Cut(query, after=edge) if way == "next" else Cut(query, before=edge)


def _seal(key: bytes, query: dict[str, Any], edge: str) -> str:
    body = base64.urlsafe_b64encode(json.dumps([query, edge]).encode()).decode()
    return f"{body}.{_mark(key, body)}"


def _mark(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()[:32]
