"""What every call must pass: the key, and the account's number of calls."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from orchestrator.emulators.cloudhpc.account import Account
from orchestrator.emulators.cloudhpc.answers import RefusalError, failure, success
from orchestrator.emulators.ground import Ground

Endpoint = Callable[[Request], Awaitable[object]]


class Gate:
    """Turns endpoints, which return values or raise RefusalError, into ones that reply."""

    def __init__(self, ground: Ground, account: Account) -> None:
        self._ground, self._account = ground, account

    def __call__(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint behind the gate."""

        async def answer(request: Request) -> Response:
            if not self._account.is_key(request.headers.get("x-api-key", "")):
                return failure("Unauthorized.", 403)
            reply = self._refused(request) or await self._answered(endpoint, request)
            reply.headers.update(self._account.headers())
            return reply

        return answer

    def _refused(self, request: Request) -> Response | None:
        """Count a call; return a reply only if it is one too many."""
        if not self._account.is_used_up():
            self._account.note("us")
            return None
        self._account.note("refused")
        where = f"{request.method} {request.url.path}"
        forbidden = self._ground.faults.strike("over-quota-403", where) is not None
        return failure("API calls limit reached.", 403 if forbidden else 429)

    async def _answered(self, endpoint: Endpoint, request: Request) -> Response:
        try:
            return success(await endpoint(request))
        except RefusalError as refusal:
            return failure(str(refusal), refusal.status)
