"""Opening an account."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync

from orchestrator.backend import AuthError, Backend, Context
from orchestrator.backends.http import open_door
from orchestrator.backends.http.governor import steady
from orchestrator.backends.sostrades.backend import SosTrades
from orchestrator.backends.sostrades.calls import reading
from orchestrator.backends.sostrades.charts import script
from orchestrator.backends.sostrades.model import Options
from orchestrator.backends.sostrades.service import Service


@asynccontextmanager
async def opened(context: Context, options: Options) -> AsyncIterator[Backend]:
    """Open an account. Nothing is asked of the service until it is needed.

    Raises OSError when `ca_file` cannot be used, or what draws the charts is not installed.
    """
    await run_sync(script)

    def auth() -> Mapping[str, str]:
        """Return the one form of the header that the service takes: with a capital B."""
        try:
            return {"Authorization": f"Bearer {context.secret(options.key.secret)}"}
        except LookupError as error:
            where = f"`key` of [backends.{context.name}]"
            raise AuthError(f"{where}: {error.args[0]}", effect="none") from None

    async with open_door(
        options, context.directory, name=context.name, auth=auth, reading=reading
    ) as door:
        service = Service(door, options.patience.total_seconds())
        yield SosTrades(options, service, steady)
