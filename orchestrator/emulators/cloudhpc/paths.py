"""Where this service lives on its server, and what stands in the paths of its calls."""

from starlette.requests import Request

from orchestrator.emulators.cloudhpc.answers import RefusalError

PREFIX = "/api/v2"


def whole(request: Request, name: str) -> int:
    """Return a whole number from the path. Raises RefusalError."""
    word: str = request.path_params[name]
    if not word.isdecimal():
        raise RefusalError
    return int(word)


def direction(request: Request) -> bool:
    """Return whether the largest is wanted first. Raises RefusalError."""
    word = request.path_params["direction"]
    if word not in ("asc", "desc"):
        raise RefusalError
    return bool(word == "desc")
