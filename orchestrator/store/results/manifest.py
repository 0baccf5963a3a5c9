"""MANIFEST.json: what a result is, and the SHA-256 of every file in it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.core.history import Entry
from orchestrator.core.lifecycle import Outcome
from orchestrator.core.names import HISTORY
from orchestrator.store.results.fetching import HeldAgainst

FORMAT = 1
_encode = json.JSONEncoder(sort_keys=True).encode
Verified = HeldAgainst | Literal["written here", "unpacked here"]
NOTES = "not_unpacked"


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a result.

    `name` is its path in the run's folder, `original` the name its backend had for it (None for
    files we wrote). `verified` tells what the bytes were held against on their way here: the
    checksum the backend vouched for, the size it announced, or nothing. A file that was unpacked
    here has the path of its `archive`, and its `original` is the name in there.
    """

    name: str
    original: str | None
    size: int
    sha256: str
    verified: Verified
    archive: str | None = None


@dataclass(frozen=True, slots=True)
class EndedRun:
    """What the queue knows of a run that has ended; `reason` is in words."""

    key: str
    job_id: str
    job_name: str
    number: int
    backend: str
    remote_id: str | None
    outcome: Outcome
    exit_code: int | None
    reason: str


def render(
    run: EndedRun, items: Sequence[Item], *, spec_sha256: str, notes: Sequence[str] = ()
) -> bytes:
    """Return the manifest's text: the same bytes for the same result, in pure ASCII.

    `notes` tell of archives that were not, or not wholly, unpacked.
    ASCII, because names are foreign text and people will `cat` this file: one fact or file a line.
    """
    listed = [to_json(item) for item in sorted(items, key=lambda item: item.name)]
    facts: dict[str, object] = {
        "backend": run.backend,
        "exit_code": run.exit_code,
        "format": FORMAT,
        "job": {"id": run.job_id, "name": run.job_name},
        "key": run.key,
        "outcome": run.outcome,
        "reason": run.reason,
        "remote_id": run.remote_id,
        "run": run.number,
        "spec_sha256": spec_sha256,
    }
    if notes:
        facts[NOTES] = list(notes)
    lines = {key: to_json(value) for key, value in facts.items()}
    lines["files"] = "[\n  " + ",\n  ".join(listed) + "\n ]"
    text = ",\n".join(f' "{key}": {line}' for key, line in sorted(lines.items()))
    return f"{{\n{text}\n}}\n".encode("ascii")


def to_json(value: object) -> str:
    """Return a value, or the fields of a dataclass of plain values, as one line of ASCII JSON.

    `dataclasses.asdict` and `json.dumps(indent=…)` would take most of the time of a publish.
    """
    if isinstance(value, Item | Entry):
        value = {name: getattr(value, name) for name in value.__slots__}
        if value.get("archive", "") is None:
            del value["archive"]
    return _encode(value)


def read(data: bytes) -> dict[str, tuple[int, str]]:
    """Return size (bytes) and SHA-256 of every file a manifest lists, by name.

    Raises ValueError, saying what is wrong, for anything that `render` did not make.
    """
    found = {}
    for entry in _tree(data)["files"]:
        match entry:
            case {"name": str(name), "size": int(size), "sha256": str(sha256)}:
                found[name] = (size, sha256)
            case _:
                raise ValueError(f"it has an entry without name, size or sha256: {entry!r:.100}")
    return found


def read_notes(data: bytes) -> list[str]:
    """Return what a manifest says of archives that were not unpacked. Raises ValueError."""
    match _tree(data).get(NOTES, []):
        case [*notes] if all(isinstance(note, str) for note in notes):
            return notes
    raise ValueError("it does not say what was not unpacked")


def read_run(data: bytes) -> EndedRun:
    """Return which run a manifest tells of. Raises ValueError like `read`."""
    match _tree(data):
        case {
            "key": str(key),
            "job": {"id": str(job_id), "name": str(job_name)},
            "run": int(number),
            "backend": str(backend),
            "remote_id": str(remote_id),
            "outcome": str(outcome),
            "exit_code": (int() | None) as exit_code,
            "reason": str(reason),
        }:
            return EndedRun(
                key=key,
                job_id=job_id,
                job_name=job_name,
                number=number,
                backend=backend,
                remote_id=remote_id,
                outcome=Outcome(outcome),
                exit_code=exit_code,
                reason=reason,
            )
    raise ValueError("it does not say of which run it is")


def is_same_result(one: bytes, other: bytes) -> bool:
    """Whether two manifests tell of one result.

    The history may differ: it goes on growing when a publish is killed and called again. What was
    unpacked need not be told: it follows from the archives.
    """
    try:
        return _told_by_run(one) == _told_by_run(other)
    except ValueError:
        return False


def _told_by_run(data: bytes) -> dict[str, Any]:
    read(data), read_notes(data)
    tree = _tree(data)
    came = [it for it in tree["files"] if it["name"] != HISTORY and "archive" not in it]
    return {**tree, "files": came, NOTES: []}


def _tree(data: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise ValueError(f"it is not a manifest of format {FORMAT}")
    if not isinstance(tree.get("files"), list):
        raise ValueError("it lists no files")  # noqa: TRY004 - for the reader it is one error
    return tree
