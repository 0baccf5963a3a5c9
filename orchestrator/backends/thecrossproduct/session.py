"""One login for as long as the daemon runs: the token is kept in memory and renewed on a 401."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import anyio
from pydantic import JsonValue

from orchestrator.backend import AuthError, BackendError, ProtocolError
from orchestrator.backends.http import Ask, Door, Reply, Use
from orchestrator.backends.thecrossproduct.replies import Paging, Token, read

LOGOUT_LIMIT = 5.0  # seconds that a shutdown waits for the service
MOST_PAGES = 1000  # a list that never ends is a fault over there
UNAUTHORISED = 401


class Session:
    """Calls with the account's token, renewed once when it is refused; then the call is made again.

    A token may die at any moment: by its age, its uses, or by somebody's `DELETE /auth/tokens`. At
    most 50 tokens of an account may be alive, so there is never one login a call.
    """

    def __init__(
        self,
        name: str,
        door: Door,
        mail: str,
        password: Callable[[], str],
        conceal: Callable[[str], None],
    ) -> None:
        self._name, self._door = name, door
        self._mail, self._password, self._conceal = mail, password, conceal
        self._token: str | None = None
        self._login = anyio.Lock()

    async def call(self, ask: Ask) -> Reply:
        """Make a call with the token. A 401 is told before anything is done over there."""
        token = await self._valid(not_=None)
        reply = await self._door.call(_with(ask, token))
        if reply.status == UNAUTHORISED:
            token = await self._valid(not_=token)
            reply = await self._door.call(_with(ask, token))
        if reply.status == UNAUTHORISED and UNAUTHORISED not in ask.expect:
            raise AuthError("the service refuses a token that it has just given", effect="none")
        return reply

    async def get(self, path: str, use: Use) -> JsonValue:
        """Read something; None where the service has nothing to tell."""
        return _value(await self.call(Ask("GET", path, use, reads=True)))

    async def ask(self, path: str, body: JsonValue, use: Use) -> JsonValue:
        """Read something by a POST that changes nothing over there."""
        return _value(await self.call(Ask("POST", path, use, json=body, reads=True)))

    async def tell(
        self, path: str, body: JsonValue, use: Use, *, expect: tuple[int, ...] = ()
    ) -> Reply:
        """Change something by a POST."""
        return await self.call(Ask("POST", path, use, json=body, reads=False, expect=expect))

    async def pages(
        self, path: str, filters: Mapping[str, JsonValue], use: Use
    ) -> AsyncIterator[JsonValue]:
        """Yield every page of a list, as the service's objects; an empty answer is no page.

        `paging.next` is the whole address of the next page.
        """
        ask = Ask("POST", path, use, json=dict(filters), reads=True)
        page = _value(await self.call(ask if filters else Ask("GET", path, use, reads=True)))
        for _ in range(MOST_PAGES):
            if page is None:
                return
            yield page
            if not isinstance(page, dict):
                raise ProtocolError("a page of a list is no object")
            following = read(Paging, page.get("paging") or {}).next
            if not following:
                return
            page = _value(await self.call(Ask("GET", following, use, reads=True)))
        raise ProtocolError(f"a list has more than {MOST_PAGES} pages")

    async def logout(self) -> None:
        """Give the token back, if there is one; a service that does not answer keeps it."""
        if self._token is not None:
            with suppress(BackendError), anyio.move_on_after(LOGOUT_LIMIT, shield=True):
                ask = Ask("GET", "auth/logout", Use.ASK, reads=False, expect=(UNAUTHORISED,))
                await self._door.call(_with(ask, self._token))
            self._token = None

    def drop(self) -> None:
        """Forget the token: it was made void on purpose."""
        self._token = None

    async def _valid(self, *, not_: str | None) -> str:
        """Return a token, after a login if there is none, or only the one that was refused."""
        async with self._login:
            if self._token is None or self._token == not_:
                self._token = None
                reply = await self._log_in()
                self._token = read(Token, reply.json()).token
                self._conceal(self._token)
            return self._token

    async def _log_in(self) -> Reply:
        table = f"[backends.{self._name}]"
        try:
            basic = (self._mail, self._password())
            return await self._door.call(Ask("GET", "auth/login", Use.ASK, basic=basic, reads=True))
        except LookupError as error:
            raise AuthError(f"`password` of {table}: {error.args[0]}", effect="none") from None
        except AuthError as error:
            advice = f"check `mail` and `password` of {table} in orchestrator.toml"
            raise AuthError(f"{error}; {advice}", effect="none") from None


def _with(ask: Ask, token: str) -> Ask:
    return replace(
        ask,
        headers={**ask.headers, "Authorization": f"Bearer {token}"},
        expect=(*ask.expect, UNAUTHORISED),
    )


def _value(reply: Reply) -> JsonValue:
    """Return the JSON of a reply; None when it is empty, as lists of nothing are at times."""
    return reply.json() if reply.body.strip() else None
