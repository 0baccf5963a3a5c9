"""Account, tokens and licences: every endpoint below /auth and /lics, and /help."""

from typing import TypedDict

from pydantic import JsonValue

from orchestrator.backends.http import Ask, Use
from orchestrator.backends.thecrossproduct.replies import entries_of
from orchestrator.backends.thecrossproduct.session import Session


class LicenceFilter(TypedDict, total=False):
    """What a listing of licences can be narrowed by; times are ISO 8601."""

    active: bool
    failed_attempts: int
    failed_attempts_grt: int
    failed_attempts_lt: int
    ignores: list[str]
    items_per_page: int
    last_used_after: str
    last_used_before: str
    limit: float
    limit_grt: float
    limit_lt: float
    name: str
    name_contains: str
    nb_activations: int
    nb_activations_grt: int
    nb_activations_lt: int
    scope: list[str]
    since: str
    until: str
    uses: float
    uses_grt: float
    uses_lt: float


async def account(session: Session) -> JsonValue:
    """Return the account: id, mail, groups and activations."""
    return await session.get("auth", Use.ASK)


async def token(session: Session) -> JsonValue:
    """Return what is known of the token in use: expires_at, limit, uses, scope."""
    return await session.get("auth/token", Use.ASK)


async def end_all_sessions(session: Session) -> None:
    """Make every token of the account void, also those of other programs and people."""
    await session.call(Ask("DELETE", "auth/tokens", Use.ASK, reads=False))
    session.drop()


async def reset_password(session: Session, mail: str) -> JsonValue:
    """Have a mail sent with which the password can be changed."""
    return (await session.tell("auth/reset_password", {"mail": mail}, Use.ASK)).json()


async def licences(session: Session, **filters: JsonValue) -> list[JsonValue]:
    """Return every licence that passes the filters of LicenceFilter."""
    found: list[JsonValue] = []
    async for page in session.pages("lics/licenses", filters, Use.ASK):
        found += entries_of(page, "licenses")
    return found


async def licence(session: Session, token_: str) -> JsonValue:
    """Return one licence by its token."""
    return await session.get(f"lics/license/{token_}", Use.ASK)


async def routes(session: Session) -> JsonValue:
    """Return what the service says it can be asked."""
    return await session.get("help", Use.ASK)
