"""The kind `cloudhpc`: simulations of cloudHPC, through its web API v2.

What speaks HTTP is imported when an account is opened: who only checks a job file need not wait.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from orchestrator.backend import Backend, Context, Diagnosis, Kind, Verb
from orchestrator.backends.cloudhpc.model import Options, RunTable


def open_account(context: Context, options: Options) -> AbstractAsyncContextManager[Backend]:
    """Open an account; see `opening`."""
    from orchestrator.backends.cloudhpc.opening import opened  # noqa: PLC0415 - said above

    return opened(context, options)


def max_runs(options: Options) -> int:
    """Return how many runs may be live at once."""
    return options.max_runs


def verbs_there() -> Mapping[str, Verb]:
    """Return what people can do there; see `verbs`."""
    from orchestrator.backends.cloudhpc.verbs import VERBS  # noqa: PLC0415 - said above

    return VERBS


async def look(service: Any) -> Sequence[Diagnosis]:
    """Look at service and account; see `verbs`."""
    from orchestrator.backends.cloudhpc.verbs import examine  # noqa: PLC0415 - said above

    return await examine(service)


KIND = Kind(
    name="cloudhpc",
    summary="simulations of cloudHPC (CalculiX, FDS, OpenFOAM …), through its web API",
    options=Options,
    run=RunTable,
    open=open_account,
    max_runs=max_runs,
    verbs=verbs_there,
    examine=look,
)
