"""Opening the way into a cluster."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import time

from orchestrator.backend import AuthError, Backend, Context
from orchestrator.backends.http import open_door
from orchestrator.backends.http.governor import steady
from orchestrator.backends.slurm.backend import Slurm
from orchestrator.backends.slurm.commands import Commands
from orchestrator.backends.slurm.model import Options, Rest
from orchestrator.backends.slurm.slurmrestd import Slurmrestd, reading
from orchestrator.backends.slurm.tokens import expired


@asynccontextmanager
async def opened(context: Context, options: Options) -> AsyncIterator[Backend]:
    """Open a cluster. Nothing is asked of it until it is needed.

    Raises OSError when `ca_file` cannot be used.
    """
    rest = options.rest
    if rest is None:
        commands = Commands(options.conf, options.commands_at_once, os.environ)
        yield Slurm(context, options, commands, steady)
        return
    async with open_door(
        rest,
        context.directory,
        name=context.name,
        auth=_auth(context, rest),
        reading=reading,
        socket=rest.socket,
    ) as door:
        yield Slurm(context, options, Slurmrestd(door), steady)


def _auth(context: Context, rest: Rest) -> Callable[[], Mapping[str, str]]:
    """Return what gives the headers of a call: a socket needs none."""

    def auth() -> Mapping[str, str]:
        if rest.token is None:
            return {}
        where = f"`token` of [backends.{context.name}]"
        try:
            token = context.secret(rest.token.secret)
        except LookupError as error:
            raise AuthError(f"{where}: {error.args[0]}", effect="none") from None
        if expired(token, time()):
            text = f"{where} has expired; `scontrol token` makes a new one"
            raise AuthError(text, effect="none")
        return {"X-SLURM-USER-NAME": rest.user or "", "X-SLURM-USER-TOKEN": token}

    return auth
