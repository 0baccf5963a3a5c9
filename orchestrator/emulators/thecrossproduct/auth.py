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

from orchestrator.emulators.thecrossproduct.accounts import Accounts, Caller
from orchestrator.emulators.thecrossproduct.fields import body_of, date, words
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


def routes(accounts: Accounts, prefix: str) -> list[Route]:
    """Return the routes of /auth, and the page to which a reset mail would lead."""
    resets: dict[str, str] = {}

    async def login(request: Request) -> Response:
        if request.method == "GET":
            mail, password = _basic(request.headers.get("authorization", ""))
        else:
            body = await body_of(request, {"mail": words, "passwd": words}, "mail", "passwd")
            mail, password = body["mail"], body["passwd"]
        return JSONResponse({"token": accounts.login(mail, password)})

    async def account(_: Request, caller: Caller) -> Response:
        row = accounts.get(caller.account)
        return JSONResponse(
            {
                "id": row["id"],
                "mail": row["mail"],
                "created_on": date(row["created"]),
                "nbr_activations": row["logins"],
                "last_activation": date(row["last_login"]),
                "group": [
                    {"id": it["id"], "name": it["name"], "descr": it["descr"]}
                    for it in accounts.groups()
                ],
            }
        )

    async def token(_: Request, caller: Caller) -> Response:
        row = accounts.token(caller.token)
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

    async def logout(_: Request, caller: Caller) -> Response:
        accounts.logout(caller.token)
        return text("Logged out")

    async def kill_tokens(_: Request, caller: Caller) -> Response:
        accounts.logout_everywhere(caller.account)
        return text("All tokens deleted")

    async def reset_password(request: Request) -> Response:
        mail = (await body_of(request, {"mail": words}, "mail"))["mail"]
        if accounts.by_mail(mail) is None:
            raise RefusalError(404, "Unknown mail")
        ticket = secrets.token_urlsafe(24)
        resets[ticket] = mail
        origin = f"{request.base_url}reset_password"
        urls = {"url_reset": f"{origin}/{ticket}", "url_alert": f"{origin}/{ticket}/alert"}
        return JSONResponse({"mail": mail} | urls)

    async def reset_page(request: Request) -> Response:
        if request.path_params["ticket"] not in resets:
            raise RefusalError(404, "Unknown link")
        return HTMLResponse(f'<form method="post" action="{request.url}"></form>')

    async def reset_form(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        if not form.get("newpsw") or not hmac.compare_digest(
            form["newpsw"].encode(), form.get("confirmpsw", "").encode()
        ):
            raise RefusalError(400, "Passwords differ")
        mail = resets.pop(request.path_params["ticket"], None)
        if mail is None:
            raise RefusalError(404, "Unknown link")
        accounts.set_password(mail, form["newpsw"])
        return text("Password changed")

    async def alert(request: Request) -> Response:
        resets.pop(request.path_params["ticket"], None)
        return text("Link withdrawn")

    page = "/reset_password/{ticket}"
    return [
        Route(f"{prefix}/auth/login", answering(login), methods=["GET", "POST"]),
        Route(f"{prefix}/auth", knowing(accounts, account), methods=["GET"]),
        Route(f"{prefix}/auth/token", knowing(accounts, token), methods=["GET"]),
        Route(f"{prefix}/auth/logout", knowing(accounts, logout), methods=["GET"]),
        Route(f"{prefix}/auth/tokens", knowing(accounts, kill_tokens), methods=["DELETE"]),
        Route(f"{prefix}/auth/reset_password", answering(reset_password), methods=["POST"]),
        Route(page, answering(reset_page), methods=["GET"]),
        Route(page, answering(reset_form), methods=["POST"]),
        Route(f"{page}/alert", answering(alert), methods=["GET"]),
    ]


def _basic(header: str) -> tuple[str, str]:
    scheme, _, code = header.partition(" ")
    if scheme.lower() != "basic":
        raise RefusalError(401, "Missing credentials")
    try:
        mail, _, password = base64.b64decode(code, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise RefusalError(401, "Invalid credentials") from None
    return mail, password
