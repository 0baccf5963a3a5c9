"""What every call must pass: the method, the key, the right to the study."""

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.ground import Ground
from orchestrator.emulators.sostrades.answers import (
    BROKEN,
    HEADERS,
    NO_RIGHT,
    NOT_ALLOWED,
    NOT_FOUND,
    RefusalError,
    refused,
)
from orchestrator.emulators.sostrades.keys import Caller, Keys
from orchestrator.emulators.sostrades.studies import Right, Studies
from orchestrator.emulators.sostrades.updates import Updates

ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
LARGEST = (1 << 63) - 1  # that the database can hold


@dataclass(frozen=True, slots=True)
class Call:
    """A call, who makes it, the study that it is about, and what the caller may do with that."""

    request: Request
    caller: Caller
    study: int
    right: int

    @property
    def where(self) -> str:
        """Return method and path, as faults name them."""
        return f"{self.request.method} {self.request.url.path}"


End = Callable[[Call], Awaitable[Response]]


class Gate:
    """Turns ends, which may raise RefusalError, into routes."""

    def __init__(self, ground: Ground, keys: Keys, studies: Studies, updates: Updates) -> None:
        self._faults, self._keys, self._studies = ground.faults, keys, studies
        self._updates = updates
        self._under_way: Counter[int] = Counter()
        self._session = secrets.token_urlsafe(24)
        ground.given.append(self._session)

    def route(self, path: str, method: str, right: Right | None, end: End) -> Route:
        """Return the route of one path; `right` None: no study is looked for."""
        methods = {method, "HEAD"} if method == "GET" else {method}
        allow = ", ".join(sorted({*methods, "OPTIONS"}))

        async def answer(request: Request) -> Response:
            if request.method == "OPTIONS":
                return self._dressed(Response(headers={"Allow": allow}, media_type="text/html"))
            if request.method not in methods:
                return self._dressed(refused(RefusalError(405, NOT_ALLOWED)))
            try:
                reply = await self._passed(self._call(request, right), end)
            except RefusalError as refusal:
                return self._dressed(refused(refusal), cookie=refusal.cookie)
            return self._dressed(reply)

        return Route(path, answer, methods=ANY_METHOD)

    async def unknown(self, _: Request) -> Response:
        """Answer for every other path."""
        return self._dressed(refused(RefusalError(404, NOT_FOUND)))

    def plain(self, path: str, end: Callable[[], Response]) -> Route:
        """Return the route of a path that anybody may ask."""

        async def answer(_: Request) -> Response:
            return self._dressed(end())

        return Route(path, answer, methods=["GET"])

    def _call(self, request: Request, right: Right | None) -> Call:
        """Return who calls, about what. Raises RefusalError."""
        caller, study = self._keys.caller(request), int(request.path_params["study"])
        if right is None:
            return Call(request, caller, study, 0)
        if study > LARGEST:
            raise RefusalError(403, "Python int too large to convert to SQLite INTEGER")
        if self._studies.find(study) is None:
            raise RefusalError(403, "InvalidStudy(This study case doesn't exist.)")
        level = Right.MANAGER if caller.is_group else self._studies.right(study)
        if level < right:
            raise RefusalError(403, NO_RIGHT)
        return Call(request, caller, study, level)

    async def _passed(self, call: Call, end: End) -> Response:
        """Let a call in. Raises RefusalError."""
        crowded = self._under_way[call.study] or self._updates.is_going_on(call.study)
        if crowded and self._faults.strike("hang", call.where) is not None:
            await _gone(call.request)
            raise RefusalError(500, BROKEN)  # nobody sees it
        self._under_way[call.study] += 1
        try:
            reply = await end(call)
        finally:
            self._under_way[call.study] -= 1
        status = self._faults.strike("fails-after", call.where)
        if status is not None:
            raise RefusalError(int(status), BROKEN)
        return reply

    def _dressed(self, reply: Response, *, cookie: bool = True) -> Response:
        """Give a reply the headers that all have, and the session."""
        reply.headers.update(HEADERS)
        if cookie:
            reply.headers["Set-Cookie"] = f"session={self._session}; HttpOnly; Path=/"
        return reply


async def _gone(request: Request) -> None:
    """Wait until the caller has given up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
