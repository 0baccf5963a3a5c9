"""Opening an account."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync

from orchestrator.backend import AuthError, Backend, Context
from orchestrator.backends.cloudhpc import archive
from orchestrator.backends.cloudhpc.backend import CloudHpc
from orchestrator.backends.cloudhpc.calls import Calls, reading
from orchestrator.backends.cloudhpc.model import Options
from orchestrator.backends.cloudhpc.staging import FOLDER
from orchestrator.backends.http import open_door, storage_of
from orchestrator.backends.http.governor import steady


@asynccontextmanager
async def opened(context: Context, options: Options) -> AsyncIterator[Backend]:
    """Open an account. Nothing is asked of the service until it is needed.

    Raises OSError when `ca_file` cannot be used.
    """

    def key() -> Mapping[str, str]:
        try:
            return {"X-API-Key": context.secret(options.api_key.secret)}
        except LookupError as error:
            where = f"`api_key` of [backends.{context.name}]"
            raise AuthError(f"{where}: {error.args[0]}", effect="none") from None

    where = await run_sync(storage_of, options)
    await run_sync(archive.tidy, context.directory / FOLDER)
    async with open_door(
        options, context.directory, name=context.name, auth=key, reading=reading
    ) as door:
        yield CloudHpc(context, options, Calls(door), where, steady)
