"""The result store: outputs staged, hashed, synced, published by one rename, verified.

Every function here is synchronous and is called in a worker thread. A run goes through
`begin`, `fetch` for each output, `publish`; each may be killed at any point and called again.
"""

from orchestrator.store.results.errors import (
    ConflictError,
    DiskFullError,
    FatalStorageError,
    MismatchError,
    MissingError,
    ResultError,
    StoppedError,
)
from orchestrator.store.results.fetching import Announced, Fetched, fetch, verified_by
from orchestrator.store.results.folders import folder_of, runs_in
from orchestrator.store.results.manifest import EndedRun, Item
from orchestrator.store.results.publish import Published, publish, take_over
from orchestrator.store.results.staging import begin, discard, leftovers
from orchestrator.store.results.unpacking import Unpack
from orchestrator.store.results.verify import Damage, Finding, verify

__all__ = [
    "Announced",
    "ConflictError",
    "Damage",
    "DiskFullError",
    "EndedRun",
    "FatalStorageError",
    "Fetched",
    "Finding",
    "Item",
    "MismatchError",
    "MissingError",
    "Published",
    "ResultError",
    "StoppedError",
    "Unpack",
    "begin",
    "discard",
    "fetch",
    "folder_of",
    "leftovers",
    "publish",
    "runs_in",
    "take_over",
    "verified_by",
    "verify",
]
