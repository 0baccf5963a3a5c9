"""Verbs of a service as a person calls them, for the tests of their backends."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from orchestrator.backend import Verb


async def asked(verbs: Mapping[str, Verb], backend: object, verb: str, *words: Any) -> JsonValue:
    """Do what a verb does, with as many words as it names."""
    about = verbs[verb]
    least = sum(not word.startswith("[") for word in about.words)
    assert least <= len(words) <= len(about.words)
    return await about.call(backend, *words)


async def rows(
    verbs: Mapping[str, Verb], backend: object, verb: str, *words: Any
) -> list[dict[str, Any]]:
    """Return the table that a verb shows; its rows have the same columns."""
    table = await asked(verbs, backend, verb, *words)
    assert isinstance(table, list)
    found = [dict(row) for row in table if isinstance(row, dict)]
    assert len({tuple(row) for row in found}) <= 1
    assert len(found) == len(table)
    return found
