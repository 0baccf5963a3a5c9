"""What every call must pass: the token, the number of calls, the method."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.drmaatic.answers import (
    BrokenError,
    RefusalError,
    broken,
    detail,
    json,
)
from orchestrator.emulators.drmaatic.dialects import OLD, Dialect
from orchestrator.emulators.drmaatic.people import People, Person
from orchestrator.emulators.drmaatic.quota import Quota
from orchestrator.emulators.ground import Ground

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and who makes it; None: somebody without an account."""

    request: Request
    person: Person | None

    @property
    def where(self) -> str:
        """Return method and path, as faults name them."""
        return f"{self.request.method} {self.request.url.path}"

    @property
    def is_admin(self) -> bool:
        """Whether an administrator calls."""
        return self.person is not None and self.person.is_admin


End = Callable[[Call], Awaitable[Response]]


class Gate:
    """Turns ends, which may raise RefusalError or BrokenError, into routes."""

    def __init__(self, ground: Ground, dialect: Dialect, people: People, quota: Quota) -> None:
        self._faults, self._dialect = ground.faults, dialect
        self._people, self._quota = people, quota

    def routes(
        self, path: str, ends: Mapping[str, End], *, more: tuple[str, ...] = (), free: str = ""
    ) -> list[Route]:
        """Return the routes of one path: the other one is that without the last slash.

        `more` are further methods that a reply says are allowed; calls by `free` are not counted.
        """
        if self._dialect is OLD:
            more = ("HEAD", "OPTIONS") if "GET" in ends else ("OPTIONS",)
        allow = ", ".join([*ends, *more])

        async def answer(request: Request) -> Response:
            try:
                reply = await self._passed(ends, more, free, request)
            except RefusalError as refusal:
                reply = json(refusal.body, refusal.status, refusal.headers)
            except BrokenError as error:
                return broken(error)
            reply.headers["Allow"] = allow
            return reply

        async def move(request: Request) -> Response:
            query = f"?{request.url.query}" if request.url.query else ""
            headers = {"Location": f"{request.url.path}/{query}"}
            return Response(status_code=301, headers=headers, media_type="text/html")

        short = path.removesuffix("{path:path}").rstrip("/")
        found = [Route(path, answer, methods=ANY_METHOD)]
        return [*found, Route(short, move, methods=ANY_METHOD)] if short else found

    async def _passed(
        self, ends: Mapping[str, End], more: tuple[str, ...], free: str, request: Request
    ) -> Response:
        person, method = self._people.caller(request), request.method
        call = Call(request, person)
        if person and self._faults.strike("token-expired", call.where) is not None:
            raise detail(403, self._dialect.expired)
        if method != free:
            self._quota.count(person)
        end = ends.get("GET" if method == "HEAD" and "HEAD" in more else method)
        if end is None:
            raise detail(405, f'Method "{method}" not allowed.')
        return await end(call)
