"""Opening an account."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync

from orchestrator.backend import AuthError, Backend, Context
from orchestrator.backends.drmaatic.backend import Drmaatic
from orchestrator.backends.drmaatic.calls import reading
from orchestrator.backends.drmaatic.model import Options
from orchestrator.backends.drmaatic.service import Service
from orchestrator.backends.drmaatic.sightings import Sightings
from orchestrator.backends.http import open_door
from orchestrator.backends.http.governor import steady


@asynccontextmanager
async def opened(context: Context, options: Options) -> AsyncIterator[Backend]:
    """Open an account. Nothing is asked of the service until it is needed.

    Raises OSError when `ca_file` cannot be used.
    """

    def auth() -> Mapping[str, str]:
        """Return the one form of the header that is no anonymous call: with a capital B."""
        if options.token is None:
            return {}
        try:
            return {"Authorization": f"Bearer {context.secret(options.token.secret)}"}
        except LookupError as error:
            where = f"`token` of [backends.{context.name}]"
            raise AuthError(f"{where}: {error.args[0]}", effect="none") from None

    sightings = await run_sync(Sightings, context.directory, steady)
    async with open_door(
        options, context.directory, name=context.name, auth=auth, reading=reading
    ) as door:
        try:
            yield Drmaatic(context, options, Service(door, options), sightings, steady)
        finally:
            sightings.save()
