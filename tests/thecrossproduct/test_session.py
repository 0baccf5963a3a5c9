"""One login for many calls, renewed when its token dies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.backend import AuthError, ProtocolError, Submitted, TransientError
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import KIND, account, apps
from orchestrator.backends.thecrossproduct import session as module
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.testing.contract import Place, open_place
from tests.emulated import Emulated
from tests.thecrossproduct.conftest import BODIES, LOGIN


@asynccontextmanager
async def opened(emulated: Emulated, directory: Path) -> AsyncIterator[Place]:
    """Open the backend with other secrets than the right ones."""
    async with open_place(
        KIND, emulated.options, directory, BODIES, secrets=emulated.secrets
    ) as place:
        yield place


async def test_one_login_serves_many_calls(place: Place, emulated: Emulated) -> None:
    """The account would reach its most tokens, and nobody could log in any more."""
    for n in range(5):
        await place.started(place.run(str(n), place.bodies.fails(1)))
    assert emulated.calls(LOGIN) == 1


async def test_a_token_that_dies_is_renewed_once(session: Session, emulated: Emulated) -> None:
    """Somebody's logout everywhere would stop the daemon until it is started again."""
    await account.account(session)
    emulated.put("token-killed,times=1")
    await apps.apps(session)
    assert emulated.calls(LOGIN) == 2
    emulated.put("token-uses=2")
    await account.end_all_sessions(session)
    for _ in range(5):
        await account.account(session)
    assert emulated.calls(LOGIN) == 2 + 3, "one for each two uses"


async def test_a_submit_whose_token_died_starts_one_run(place: Place, emulated: Emulated) -> None:
    """A submit would fail, or be made twice."""
    run = place.run("1", place.bodies.sleeps)
    emulated.put("token-killed,times=1,on=POST */run")
    submitted = await place.backend.submit(run)
    assert isinstance(submitted, Submitted)
    assert emulated.starts(run.key) == [submitted.remote_id]
    assert emulated.calls(LOGIN) == 2


async def test_a_token_that_never_lives_is_an_error(session: Session, emulated: Emulated) -> None:
    """The daemon would log in for ever."""
    emulated.put("token-killed")
    with pytest.raises(AuthError, match="that it has just given") as caught:
        await apps.apps(session)
    assert caught.value.effect == "none"
    assert emulated.calls(LOGIN) == 2


async def test_calls_side_by_side_make_one_login(session: Session, emulated: Emulated) -> None:
    """Each of many calls would take a token of its own."""

    async def ask() -> None:
        await apps.apps(session)

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(ask)
    assert emulated.calls(LOGIN) == 1
    emulated.put("token-killed,times=1")  # the others carry the same token
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(ask)
    assert emulated.calls(LOGIN) == 2
    assert emulated.calls("GET /v1/app") >= 8 + 4 + 1


async def test_a_close_gives_the_token_back(place: Place, emulated: Emulated) -> None:
    """Every restart of the daemon would use up a token of the account."""
    await place.reopen()
    assert emulated.calls("GET /v1/auth/logout") == 0, "who never logged in need not log out"
    await place.poll(replace(place.run("1", place.bodies.sleeps), remote_id="x"))
    await place.reopen()
    assert emulated.calls("GET /v1/auth/logout") == 1


async def test_a_close_does_not_wait_for_a_service_that_hangs(
    place: Place, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon could not be stopped while the service is down."""
    await place.poll(replace(place.run("1", place.bodies.sleeps), remote_id="x"))
    monkeypatch.setattr(module, "LOGOUT_LIMIT", 0.1)
    emulated.put("late=10,on=*/logout")
    with anyio.fail_after(9):
        await place.reopen()


async def test_a_token_is_kept_out_of_logs(place: Place) -> None:
    """The token would stand in a log that is sent around."""
    await place.poll(replace(place.run("1", place.bodies.sleeps), remote_id="x"))
    [token] = place.concealed
    assert len(token.split(".")) == 3


async def test_a_wrong_password_says_what_to_do(emulated: Emulated, tmp_path: Path) -> None:
    """A person would see a number, or the password itself."""
    wrong = replace(emulated, secrets=dict.fromkeys(emulated.secrets, "not-the-password"))
    async with opened(wrong, tmp_path / "place") as place:
        with pytest.raises(AuthError) as caught:
            await place.backend.submit(place.run("1", place.bodies.sleeps))
    text = str(caught.value)
    assert "check `mail` and `password` of [backends.place]" in text
    assert "not-the-password" not in text
    assert caught.value.effect == "none"


async def test_a_missing_password_says_where(emulated: Emulated, tmp_path: Path) -> None:
    """A person would see a KeyError."""
    async with opened(replace(emulated, secrets={}), tmp_path / "place") as place:
        with pytest.raises(AuthError, match=r"`password` of \[backends.place\]: there is no"):
            await place.backend.submit(place.run("1", place.bodies.sleeps))
    assert emulated.told()["calls"] == {}, "nothing is asked without a password"


async def test_a_login_that_breaks_is_no_refusal(session: Session, emulated: Emulated) -> None:
    """A service that is down would be taken for a wrong password, and jobs held for it."""
    emulated.put("error-before=503,on=*/login")
    with pytest.raises(TransientError) as caught:
        await apps.run(session, "test/helloworld", {}, tags=["t"], output_prefix="o")
    assert caught.value.effect == "none", "nothing was started before the login"
    emulated.put("html,on=*/login")
    with pytest.raises(ProtocolError) as odd:
        await apps.run(session, "test/helloworld", {}, tags=["t"], output_prefix="o")
    assert odd.value.effect == "none"


async def test_a_list_that_never_ends_is_an_error(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault over there would keep the daemon reading for ever."""
    for n in range(4):
        await apps.run(session, "test/helloworld", {}, tags=[f"t{n}"], output_prefix="o")
    monkeypatch.setattr(module, "MOST_PAGES", 3)
    with pytest.raises(ProtocolError, match="more than 3 pages"):
        await apps.processes(session, Use.ASK, items_per_page=1)
