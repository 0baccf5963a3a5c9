"""Looks for secrets where none may be, in every form in which one could have got there.

It shares nothing with `orchestrator.log.masking`, which takes secrets out: a form that both forgot
would never be found.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

SHORTEST = 8  # characters; shorter ones would be found by chance


class Leak(NamedTuple):
    """Where a secret was found, and in which form; never the secret itself."""

    where: str
    form: str


class Canary:
    """Secrets to look for."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms: dict[bytes, str] = {}
        for secret in secrets:
            if len(secret) < SHORTEST:
                raise ValueError(f"a secret of {len(secret)} characters would be found by chance")
            for name, form in forms(secret).items():
                self._forms.setdefault(form, name)

    def within(self, data: bytes | str, where: str) -> list[Leak]:
        """Return what is found in some bytes."""
        raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        raw = raw.strip(b"\0")  # of the ballast, nothing is left
        return sorted({Leak(where, name) for form, name in self._forms.items() if form in raw})

    def below(self, folder: Path) -> list[Leak]:
        """Return what is found in the names and the bytes of everything below a folder."""
        leaks: list[Leak] = []
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            leaks += self.within(name, f"the name {name}")
            if path.is_file() and not path.is_symlink():
                leaks += self.within(_read(path), name)
        return leaks

    def around(self, process: int) -> list[Leak]:
        """Return what is found in command lines and environments of a process and its children."""
        return [
            leak
            for pid in _family(process)
            for file in ("cmdline", "environ")
            for leak in self.within(_proc(pid, file), f"{file} of process {pid}")
        ]


def forms(secret: str) -> Mapping[str, bytes]:
    """Return how a secret may be spelt, by the name of the form."""
    raw = secret.encode()
    spelt = {
        "raw": secret,
        "quoted": quote(secret, safe=""),
        "quoted, slashes kept": quote(secret),
        "quoted as a form": quote_plus(secret),
        "JSON": json.dumps(secret)[1:-1],
        "JSON, not ASCII": json.dumps(secret, ensure_ascii=False)[1:-1],
        "repr": repr(secret)[1:-1],
    }
    found = {name: text.encode() for name, text in spelt.items()}
    found["quoted, in lower case"] = _lowered(found["quoted"])
    for before in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            found[f"{name}, {before} bytes in"] = _core(encode(bytes(before) + raw), before, raw)
    return found


def _core(encoded: bytes, before: int, raw: bytes) -> bytes:
    """Return those characters of base64 that the secret alone decides, whatever is around it."""
    first, last = -(-before * 4 // 3), (before + len(raw)) * 4 // 3
    return encoded[first:last]


def _lowered(quoted: bytes) -> bytes:
    first, *others = quoted.split(b"%")
    return b"%".join([first, *(it[:2].lower() + it[2:] for it in others)])


def _family(process: int) -> Iterator[int]:
    yield process
    for task in sorted(Path(f"/proc/{process}/task").glob("*/children")):
        for child in _proc(process, str(task.relative_to(f"/proc/{process}"))).split():
            yield from _family(int(child))


def _proc(process: int, file: str) -> bytes:
    try:
        return _read(Path(f"/proc/{process}/{file}"))
    except ProcessLookupError:
        return b""


def _read(path: Path) -> bytes:
    """Return the bytes of a file; none when it has just gone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
