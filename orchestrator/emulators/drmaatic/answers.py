"""What this service says, and the errors that end a call early."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

PAGE = """
<!doctype html>
<html lang="en">
<head>
  <title>{title}</title>
</head>
<body>
  <h1>{title}</h1><p>{text}</p>
</body>
</html>
"""


class RefusalError(Exception):
    """The call is answered with an error: a JSON value, or nothing at all."""

    def __init__(self, status: int, body: object = None, **headers: str) -> None:
        super().__init__(status, body)
        self.status, self.body, self.headers = status, body, headers


class BrokenError(Exception):
    """The call ends with an HTML page: that of a failure, unless another is named."""

    def __init__(self, title: str = "Server Error (500)", status: int = 500) -> None:
        super().__init__(title)
        self.status = status


def detail(status: int, text: str, **headers: str) -> RefusalError:
    """Return the usual form of an error."""
    return RefusalError(status, {"detail": text}, **headers)


def json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON value; None: an empty body, without a type."""
    if value is None:
        return Response(status_code=status, headers=headers)
    return JSONResponse(value, status, headers)


def not_found() -> Response:
    """Return what is said where there is no route."""
    text = "The requested resource was not found on this server."
    return _page("Not Found", text, 404)


def broken(error: BrokenError) -> Response:
    """Return the page of an error."""
    return _page(str(error), "", error.status)


def _page(title: str, text: str, status: int) -> Response:
    return Response(PAGE.format(title=title, text=text), status, media_type="text/html")
