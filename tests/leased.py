"""A kind of backend whose runs may need a licence to themselves: `local` otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from orchestrator.backends import local


def _licence(_: object, run: Mapping[str, Any]) -> str | None:
    """Return the licence that a run is told of in its environment, whichever backend it is on."""
    name: JsonValue = run["env"].get("LICENCE")
    return None if name is None else f"the licence of {name}"


KIND = replace(local.KIND, name="leased", lease=_licence)
