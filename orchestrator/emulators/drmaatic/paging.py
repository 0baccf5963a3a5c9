"""Pages of a list, as this service cuts them."""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

from orchestrator.emulators.drmaatic.answers import detail
from orchestrator.emulators.ground import origin

PAGE = 10
Item = TypeVar("Item")


def page(
    request: Request, items: Sequence[Item], shift: int = 0
) -> tuple[dict[str, Any], Sequence[Item]]:
    """Return the frame of the page that was asked for, and the items on it.

    `shift` is how many items went from before this page since the one before it was read; below
    0, how many came. Raises RefusalError.
    """
    size, count = _size(request), len(items)
    pages = max(-(-count // size), 1)
    asked = request.query_params.get("page", "1")
    number = pages if asked == "last" else int(asked) if asked.isdecimal() else 0
    if not 1 <= number <= pages:
        raise detail(404, "Invalid page.")
    shift = shift if number > 1 else 0
    first = max((number - 1) * size + shift, 0)
    frame = {
        "count": max(count - shift, 0),
        "next": _link(request, number + 1) if number < pages else None,
        "previous": _link(request, number - 1) if number > 1 else None,
    }
    return frame, items[first : first + size]


def _size(request: Request) -> int:
    asked = request.query_params.get("page_size", "")
    return int(asked) if asked.isdecimal() and int(asked) else PAGE


def _link(request: Request, number: int) -> str:
    """Return the address of a page: its words in the order of the alphabet; none for the first."""
    words = {name: it for name, it in request.query_params.multi_items() if name != "page"}
    words |= {"page": str(number)} if number > 1 else {}
    query = f"?{urlencode(sorted(words.items()))}" if words else ""
    return f"{origin(request)}{request.url.path}{query}"
