"""Where this service lives on its server."""

from starlette.requests import Request

PREFIX = "/v1"


def origin(request: Request) -> str:
    """Return scheme, host and port, as the caller sees them: URLs in replies lead back that way."""
    return str(request.base_url).rstrip("/")
