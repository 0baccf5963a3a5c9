"""What this service says: errors and JSON in the shape of Flask, and the headers of every reply."""

import json as json_
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

HEADERS = {
    "Server": "gunicorn",
    "Access-Control-Allow-Origin": "http://localhost:4200",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Headers": (
        "Content-Type,Authorization,Set-Cookie,Cookie,Cache-Control,Pragma,Expires"
    ),
    "Access-Control-Allow-Methods": "GET,PUT,POST,DELETE",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Vary": "Cookie",
}
NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please check "
    "your spelling and try again."
)
NOT_ALLOWED = "The method is not allowed for the requested URL."
BROKEN = (
    "The server encountered an internal error and was unable to complete your request. Either the "
    "server is overloaded or there is an error in the application."
)
NO_JSON = (
    "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."
)
BAD_JSON = "The browser (or proxy) sent a request that this server could not understand."
NO_RIGHT = "You do not have the necessary rights to access this study case"


class RefusalError(Exception):
    """The call is answered with an error. `cookie`: whether it brings the session all the same."""

    def __init__(self, status: int, description: str, *, cookie: bool = True) -> None:
        super().__init__(status, description)
        self.status, self.description, self.cookie = status, description, cookie

    def __str__(self) -> str:
        """Return the text that an outer handler would repeat: status and description."""
        return f"{self.status} {HTTPStatus(self.status).phrase}: {self.description}"


def json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON value."""
    return Response(json_.dumps(value), status, headers, "application/json")


def refused(refusal: RefusalError) -> Response:
    """Return the reply of an error."""
    body = {
        "statusCode": refusal.status,
        "name": HTTPStatus(refusal.status).phrase,
        "description": refusal.description,
    }
    return json(body, refusal.status)
