"""Opening backends: the same for the daemon, which opens all, and for a command that needs one."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from orchestrator.backend import Backend, Context
from orchestrator.config import Config, Home, resolve_secret
from orchestrator.engine import Place
from orchestrator.registry import kinds
from orchestrator.spool import make_folder


@asynccontextmanager
async def open_places(
    home: Home, config: Config, hint: Callable[[str], None], known_secrets: set[str]
) -> AsyncIterator[dict[str, Place]]:
    """Open every configured backend; close them in reverse order."""
    known = kinds()
    async with AsyncExitStack() as stack:
        places: dict[str, Place] = {}
        for name, configured in config.backends.items():
            opened = open_backend(home, config, name, hint, known_secrets)
            backend = await stack.enter_async_context(opened)
            places[name] = Place(backend, known[configured.kind].max_runs(configured.options))
        yield places


@asynccontextmanager
async def open_backend(
    home: Home, config: Config, name: str, hint: Callable[[str], None], known_secrets: set[str]
) -> AsyncIterator[Backend]:
    """Open one configured backend; the secrets that it asks for are added to `known_secrets`.

    The home's lock is held by the caller: a backend's folder is for one process.
    """

    def secret(wanted: str) -> str:
        value = resolve_secret(config, wanted)
        known_secrets.add(value)
        return value

    configured, directory = config.backends[name], home.backend(name)
    make_folder(directory, 0o700)
    context = Context(name, directory, hint, secret, known_secrets.add)
    async with kinds()[configured.kind].open(context, configured.options) as backend:
        yield backend
