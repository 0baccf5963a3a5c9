"""Every endpoint below /auth and /lics, and /help, against the stand-in service."""

import pytest

from orchestrator.backend import RejectedError
from orchestrator.backends.thecrossproduct import account
from orchestrator.backends.thecrossproduct.session import Session
from tests.emulated import Emulated
from tests.thecrossproduct.conftest import LOGIN


async def test_account_and_token_are_told(session: Session, emulated: Emulated) -> None:
    """A person could not see whose account it is, and when the login ends."""
    about = await account.account(session)
    token = await account.token(session)
    assert isinstance(about, dict)
    assert isinstance(token, dict)
    assert about["mail"] == emulated.options.mail
    assert token["user_id"] == about["id"]
    assert emulated.calls(LOGIN) == 1


async def test_all_sessions_end_and_ours_begins_anew(session: Session, emulated: Emulated) -> None:
    """After `end-sessions` the daemon would be locked out, or go on with a dead token."""
    await account.account(session)
    await account.end_all_sessions(session)
    await account.account(session)
    assert emulated.calls(LOGIN) == 2
    assert emulated.calls("GET /v1/auth") == 2, "the dead token is not tried again"


async def test_a_password_can_be_reset(session: Session, emulated: Emulated) -> None:
    """A mail would go to nobody while the person is told that it was sent."""
    answer = await account.reset_password(session, emulated.options.mail)
    assert isinstance(answer, dict)
    assert answer["mail"] == emulated.options.mail
    with pytest.raises(RejectedError, match="Unknown mail"):
        await account.reset_password(session, "nobody@example.org")


async def test_licences_are_listed_over_pages_by_filter(
    session: Session, emulated: Emulated
) -> None:
    """A licence on the second page would seem to be missing."""
    every = await account.licences(session)
    assert len(every) == 3
    assert await account.licences(session, items_per_page=1) == every
    assert emulated.calls("GET /v1/lics/licenses/next/{token}") == 2
    [one] = await account.licences(session, name_contains="shell", active=True)
    assert isinstance(one, dict)
    assert one["scope"] == ["emulator@shell"]
    assert await account.licence(session, str(one["token"])) == one
    emulated.put("empty-json,on=*/lics/licenses")
    assert await account.licences(session) == []


async def test_routes_are_told(session: Session) -> None:
    """A person could not see what the service can be asked."""
    told = await account.routes(session)
    assert isinstance(told, dict)
    assert {"endpoint": "/auth", "methods": ["GET"]} in told["routes"]  # type: ignore[operator] # the assertion says so
