"""/lics: what an account may run, and how often it did."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground, origin
from orchestrator.emulators.thecrossproduct import apps, fields, paging
from orchestrator.emulators.thecrossproduct.accounts import MAILS, Accounts, Caller
from orchestrator.emulators.thecrossproduct.auth import knowing
from orchestrator.emulators.thecrossproduct.fields import body_of
from orchestrator.emulators.thecrossproduct.paths import PREFIX
from orchestrator.emulators.thecrossproduct.refusal import RefusalError

TABLE = """licences (
    token TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL,
    created REAL NOT NULL, until REAL NOT NULL, last_used REAL, last_failed REAL,
    uses REAL NOT NULL, uses_limit REAL NOT NULL, failed_attempts INTEGER NOT NULL,
    UNIQUE (account, name))"""
YEAR = 365 * 86400.0
COMPARED = ("failed_attempts", "limit", "nb_activations", "uses")
FILTERS = {
    "active": fields.flag,
    "ignores": fields.texts,
    "items_per_page": fields.count,
    "last_used_after": fields.moment,
    "last_used_before": fields.moment,
    "name": fields.words,
    "name_contains": fields.words,
    "scope": fields.texts,
    "since": fields.moment,
    "until": fields.moment,
} | {f"{name}{ending}": fields.number for name in COMPARED for ending in ("", "_grt", "_lt")}


class Licences:
    """One licence for each application and account."""

    def __init__(self, ground: Ground, accounts: Accounts) -> None:
        self._ground, self._db = ground, ground.db
        self._db.make([TABLE])
        now = ground.clock.now()
        for row in filter(None, map(accounts.by_mail, MAILS)):
            for app in apps.APPS:
                self._db.do(
                    """INSERT OR IGNORE INTO licences VALUES (:token, :account, :name, :scope, :now,
                       :until, NULL, NULL, 0, 1000000, 0)""",
                    token=str(uuid.uuid4()), account=row["id"], name=app.title,
                    scope=json.dumps([app.title]), now=now, until=now + YEAR,
                )  # fmt: skip

    def of(self, account: str) -> list[Row]:
        """Return the licences of an account, by name."""
        sql = """SELECT *, until > :now AND uses < uses_limit AS active FROM licences
                 WHERE account = :account ORDER BY name"""
        return self._db.all(sql, now=self._ground.clock.now(), account=account)

    def use(self, account: str, name: str, where: str) -> None:
        """Count one use. Raises RefusalError when the licence is used up."""
        used_up = self._ground.faults.strike("licence-used-up", where) is not None
        change = (
            "failed_attempts = failed_attempts + 1, last_failed = :now"
            if used_up
            else "uses = uses + 1, last_used = :now"
        )
        sql = f"UPDATE licences SET {change} WHERE account = :account AND name = :name"  # noqa: S608 - one of two constants
        self._db.do(sql, now=self._ground.clock.now(), account=account, name=name)
        if used_up:
            raise RefusalError(403, "License limit reached")


def routes(ground: Ground, accounts: Accounts, licences: Licences) -> list[Route]:
    """Return the routes of /lics."""

    async def one(request: Request, caller: Caller) -> Response:
        for row in licences.of(caller.account):
            if row["token"] == request.path_params["token"]:
                return JSONResponse(_told(row, []))
        raise RefusalError(404, "Unknown license")

    async def list_(request: Request, caller: Caller) -> Response:
        return _page(request, caller, paging.Cut(await body_of(request, FILTERS)))

    async def turn(request: Request, caller: Caller) -> Response:
        return _page(request, caller, paging.unseal(_key(caller), request))

    def _key(caller: Caller) -> bytes:
        return ground.objects.signing_key + f"licenses {caller.account}".encode()

    def _page(request: Request, caller: Caller, cut: paging.Cut) -> Response:
        rows = [row for row in licences.of(caller.account) if _is_wanted(row, cut.query)]
        url = f"{origin(request)}{PREFIX}/lics/licenses"
        chosen, about = paging.page(_key(caller), url, cut, [(row["name"], row) for row in rows])
        told = [_told(row, cut.query.get("ignores", [])) for row in chosen]
        return JSONResponse({"paging": about, "licenses": told})

    at = f"{PREFIX}/lics"
    return [
        Route(f"{at}/license/{{token}}", knowing(accounts, one), methods=["GET"]),
        Route(f"{at}/licenses", knowing(accounts, list_), methods=["GET", "POST"]),
        *paging.routes(f"{at}/licenses", knowing(accounts, turn)),
    ]


def _told(row: Row, ignored: list[str]) -> dict[str, Any]:
    facts = {
        "token": row["token"],
        "name": row["name"],
        "scope": json.loads(row["scope"]),
        "created": fields.date(row["created"]),
        "until": fields.date(row["until"]),
        "last_used": fields.date(row["last_used"]),
        "last_failed": fields.date(row["last_failed"]),
        "active": bool(row["active"]),
        "uses": row["uses"],
        "limit": row["uses_limit"],
        "failed_attempts": row["failed_attempts"],
    }
    return {name: it for name, it in facts.items() if name not in ignored}


def _is_wanted(row: Row, query: Mapping[str, Any]) -> bool:
    numbers = {
        "failed_attempts": row["failed_attempts"],
        "limit": row["uses_limit"],
        "nb_activations": row["uses"],
        "uses": row["uses"],
    }
    used = row["last_used"] or 0.0
    return (
        all(query.get(name, it) == it for name, it in numbers.items())
        and all(it > query.get(f"{name}_grt", -1) for name, it in numbers.items())
        and all(it < query.get(f"{name}_lt", it + 1) for name, it in numbers.items())
        and query.get("active", row["active"]) == row["active"]
        and query.get("last_used_after", used) <= used
        and query.get("last_used_before", used) >= used
        and query.get("name", row["name"]) == row["name"]
        and query.get("name_contains", "") in row["name"]
        and set(query.get("scope", [])) <= set(json.loads(row["scope"]))
        and query.get("since", row["created"]) <= row["created"]
        and query.get("until", row["until"]) >= row["until"]
    )
