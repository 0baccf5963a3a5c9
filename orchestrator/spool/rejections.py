"""What became no job goes to `rejected/`, whole and untouched, with the reason beside it.

rejected/<name>-<id>/reason.txt    for people
                     reason.json   for programs
                     dropped/      holds what was dropped, under its own name
"""

import json
from collections.abc import Iterator
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.core.ids import is_id
from orchestrator.document import printable
from orchestrator.spool.disk import put, rename_into, sync
from orchestrator.spool.names import shown

_LONGEST_NAME = 200  # bytes; with a hyphen and the id it stays below the 255 of every file system


def _folder(home: Home, ident: str, name: bytes) -> Path:
    # Slashes cannot occur in a name; a leading dot would hide the folder from people.
    readable = shown(name).lstrip(".").encode()[:_LONGEST_NAME].decode("utf-8", "ignore")
    return home.rejected / f"{readable}-{ident}"


def write_reason(
    home: Home, ident: str, name: bytes, problems: tuple[str, ...], *, moved: bool = True
) -> Path:
    """Write down, on the disk, why a drop is refused; returns the folder. May be repeated.

    Comes before the drop is moved, so that nothing lies in `rejected/` without a reason. `moved`
    says whether the drop will follow.
    """
    problems = tuple(printable(problem) for problem in problems)
    folder = _folder(home, ident, name)
    folder.mkdir(exist_ok=True)
    machine = {"id": ident, "name": shown(name), "moved": moved, "problems": problems}
    put(folder, "reason.json", json.dumps(machine, indent=2, ensure_ascii=False).encode() + b"\n")
    put(folder, "reason.txt", _for_people(shown(name), problems, moved=moved).encode())
    sync(folder)
    sync(home.rejected)
    return folder


def _for_people(name: str, problems: tuple[str, ...], *, moved: bool) -> str:
    where = (
        'It lies unchanged in the folder "dropped" beside this text.\n'
        "To try again: correct it and drop it into the spool again."
        if moved
        else "It could not be moved and lies unchanged in the spool.\n"
        "To try again: change its owner or permissions, or drop a copy."
    )
    return "\n".join([f"{name} was not accepted.", "", *problems, "", where, ""])


def standing_reason(home: Home, ident: str, name: bytes) -> tuple[str, ...] | None:
    """Return the reason already written for a drop, or None.

    A verdict that was written down stands after a crash, even if it would come out differently now.
    """
    reason = _folder(home, ident, name) / "reason.txt"
    if not reason.exists():  # written last: without it the verdict was not complete
        return None
    told = json.loads((reason.parent / "reason.json").read_bytes())
    return tuple(told["problems"])


def refusals(home: Home) -> Iterator[tuple[str, str, list[str]]]:
    """Yield id, name and problems of everything that lies in `rejected/` with a whole reason."""
    for folder in sorted(home.rejected.iterdir()):
        if is_id(folder.name.rpartition("-")[2]) and (folder / "reason.txt").exists():
            told = json.loads((folder / "reason.json").read_bytes())
            yield told["id"], told["name"], told["problems"]


def move_to_rejected(home: Home, ident: str, name: bytes) -> None:
    """Move a claimed drop beside its reason."""
    rename_into(home.claimed / ident, _folder(home, ident, name) / "dropped")
