"""Who may call: the key of a group, whose owner may do everything, and that of one user."""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from orchestrator.emulators.sostrades.answers import RefusalError

GROUP, USER = "group", "bob"
OWNER_MAIL, USER_MAIL = "alice@example.invalid", "bob@example.invalid"
HEX = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `is_group`: with the key of a group, in the name of its owner."""

    is_group: bool


class Keys:
    """The keys, made at random once; each lies in a file."""

    def __init__(self, root: Path) -> None:
        self._folder = root.resolve() / "keys"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for name in (GROUP, USER):
            if not self.file(name).exists():
                self.file(name).touch(mode=0o600)
                self.file(name).write_text(secrets.token_hex(16), "utf-8")

    def file(self, name: str) -> Path:
        """Return the absolute path of the file that holds a key."""
        return self._folder / name

    def key(self, name: str) -> str:
        """Return a key."""
        return self.file(name).read_text("utf-8").strip()

    def caller(self, request: Request) -> Caller:
        """Return who calls. Raises RefusalError."""
        header = request.headers.get("authorization", "")
        if not header.startswith("Bearer"):
            raise RefusalError(401, "Missing Authorization header")
        key, _, mail = _plain(header.removeprefix("Bearer").strip()).partition(":")
        names = [it for it in (GROUP, USER) if secrets.compare_digest(self.key(it), key)]
        if not names:
            raise RefusalError(401, "Invalid api-key")
        if mail == USER_MAIL:
            raise RefusalError(403, "User unauthorized")
        if mail not in {"", OWNER_MAIL}:
            raise RefusalError(403, "User not found")
        return Caller(is_group=names == [GROUP])


def _plain(sent: str) -> str:
    """Return a key as it is, or out of base64, with a mail behind it. Raises RefusalError."""
    if HEX.fullmatch(sent):
        return sent
    try:
        return base64.b64decode(sent, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise RefusalError(401, "Invalid API key format") from None
