"""/auth: log in and out, and what there is to know about account and token."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.ground import origin
from orchestrator.emulators.thecrossproduct.accounts import Accounts, Caller
from orchestrator.emulators.thecrossproduct.fields import body_of, date, words
from orchestrator.emulators.thecrossproduct.paths import PREFIX
from orchestrator.emulators.thecrossproduct.refusal import Endpoint, RefusalError, answering, text

Known = Callable[[Request, Caller], Awaitable[Response]]


def knowing(accounts: Accounts, endpoint: Known) -> Endpoint:
    """Return an endpoint that answers only those who show a token."""

    async def answer(request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise RefusalError(401, "Missing API token")
        where = f"{request.method} {request.url.path}"
        return await endpoint(request, accounts.caller(token, where))

    return answering(answer)


class Auth:
    """The endpoints of /auth, and the page to which a reset mail would lead."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._resets: dict[str, str] = {}  # tickets and mail addresses

    def routes(self) -> list[Route]:
        """Return the routes."""
        page = "/reset_password/{ticket}"
        return [
            Route(f"{PREFIX}/auth/login", answering(self._login), methods=["GET", "POST"]),
            Route(f"{PREFIX}/auth", knowing(self._accounts, self._account), methods=["GET"]),
            Route(f"{PREFIX}/auth/token", knowing(self._accounts, self._token), methods=["GET"]),
            Route(f"{PREFIX}/auth/logout", knowing(self._accounts, self._logout), methods=["GET"]),
            Route(
                f"{PREFIX}/auth/tokens",
                knowing(self._accounts, self._kill_tokens),
                methods=["DELETE"],
            ),
            Route(
                f"{PREFIX}/auth/reset_password", answering(self._reset_password), methods=["POST"]
            ),
            Route(page, answering(self._reset_page), methods=["GET"]),
            Route(page, answering(self._reset_form), methods=["POST"]),
            Route(f"{page}/alert", answering(self._alert), methods=["GET"]),
        ]

    async def _login(self, request: Request) -> Response:
        if request.method == "GET":
            mail, password = _basic(request.headers.get("authorization", ""))
        else:
            body = await body_of(request, {"mail": words, "passwd": words}, "mail", "passwd")
            mail, password = body["mail"], body["passwd"]
        return JSONResponse({"token": self._accounts.login(mail, password)})

    async def _account(self, _: Request, caller: Caller) -> Response:
        row = self._accounts.get(caller.account)
        return JSONResponse(
            {
                "id": row["id"],
                "mail": row["mail"],
                "created_on": date(row["created"]),
                "nbr_activations": row["logins"],
                "last_activation": date(row["last_login"]),
                "group": [
                    {"id": it["id"], "name": it["name"], "descr": it["descr"]}
                    for it in self._accounts.groups()
                ],
            }
        )

    async def _token(self, _: Request, caller: Caller) -> Response:
        row = self._accounts.token(caller.token)
        return JSONResponse(
            {
                "id": row["id"],
                "user_id": row["account"],
                "expires_at": date(row["expires"]),
                "limit": row["uses_limit"],
                "uses": row["uses"],
                "scope": [],
            }
        )

    async def _logout(self, _: Request, caller: Caller) -> Response:
        self._accounts.logout(caller.token)
        return text("Logged out")

    async def _kill_tokens(self, _: Request, caller: Caller) -> Response:
        self._accounts.logout_everywhere(caller.account)
        return text("All tokens deleted")

    async def _reset_password(self, request: Request) -> Response:
        mail = (await body_of(request, {"mail": words}, "mail"))["mail"]
        if self._accounts.by_mail(mail) is None:
            raise RefusalError(404, "Unknown mail")
        ticket = secrets.token_urlsafe(24)
        self._resets[ticket] = mail
        link = f"{origin(request)}/reset_password/{ticket}"
        urls = {"url_reset": link, "url_alert": f"{link}/alert"}
        return JSONResponse({"mail": mail} | urls)

    async def _reset_page(self, request: Request) -> Response:
        if request.path_params["ticket"] not in self._resets:
            raise RefusalError(404, "Unknown link")
        return HTMLResponse(f'<form method="post" action="{request.url}"></form>')

    async def _reset_form(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        if not form.get("newpsw") or not hmac.compare_digest(
            form["newpsw"].encode(), form.get("confirmpsw", "").encode()
        ):
            raise RefusalError(400, "Passwords differ")
        mail = self._resets.pop(request.path_params["ticket"], None)
        if mail is None:
            raise RefusalError(404, "Unknown link")
        self._accounts.set_password(mail, form["newpsw"])
        return text("Password changed")

    async def _alert(self, request: Request) -> Response:
        self._resets.pop(request.path_params["ticket"], None)
        return text("Link withdrawn")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, code = header.partition(" ")
    if scheme.lower() != "basic":
        raise RefusalError(401, "Missing credentials")
    try:
        mail, _, password = base64.b64decode(code, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise RefusalError(401, "Invalid credentials") from None
    return mail, password
