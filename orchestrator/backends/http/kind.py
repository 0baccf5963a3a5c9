"""A kind of backend that speaks HTTP, from the package that it is.

What speaks HTTP is imported when an account is opened: who only checks a job file need not wait.
The package has `opened` in its module `opening`, and `VERBS` and `examine` in `verbs`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from orchestrator.backend import Backend, Context, Diagnosis, Kind, Verb


def service_kind(
    package: str, *, summary: str, options: type[BaseModel], run: type[BaseModel]
) -> Kind:
    """Return the kind that a package is, under its own name; `options` have `max_runs`."""

    def open_account(context: Context, options: Any) -> AbstractAsyncContextManager[Backend]:
        opening: Any = import_module(f"{package}.opening")
        opened: AbstractAsyncContextManager[Backend] = opening.opened(context, options)
        return opened

    def verbs() -> Mapping[str, Verb]:
        found: Mapping[str, Verb] = import_module(f"{package}.verbs").VERBS
        return found

    async def examine(service: Any) -> Sequence[Diagnosis]:
        found: Sequence[Diagnosis] = await import_module(f"{package}.verbs").examine(service)
        return found

    def max_runs(options: Any) -> int:
        return int(options.max_runs)

    return Kind(
        name=package.rpartition(".")[2],
        summary=summary,
        options=options,
        run=run,
        open=open_account,
        max_runs=max_runs,
        verbs=verbs,
        examine=examine,
    )
