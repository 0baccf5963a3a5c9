"""Opening an account."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from anyio.to_thread import run_sync

from orchestrator.backend import Backend, Context
from orchestrator.backends.http import open_door, storage_of
from orchestrator.backends.thecrossproduct.backend import TheCrossProduct
from orchestrator.backends.thecrossproduct.model import Options
from orchestrator.backends.thecrossproduct.session import Session


@asynccontextmanager
async def opened(context: Context, options: Options) -> AsyncIterator[Backend]:
    """Open an account; closing it logs out. Nothing is asked of the service until it is needed.

    Raises OSError when `ca_file` cannot be used.
    """
    password = partial(context.secret, options.password.secret)
    storage = await run_sync(storage_of, options)
    async with open_door(options, context.directory, name=context.name) as door:
        session = Session(context.name, door, options.mail, password, context.conceal)
        try:
            yield TheCrossProduct(context.name, session, storage, options)
        finally:
            await session.logout()
