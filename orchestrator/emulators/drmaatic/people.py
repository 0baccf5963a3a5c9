"""Who may call: a few accounts, whose tokens are made at random and lie in files."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from orchestrator.emulators.drmaatic.answers import RefusalError, detail
from orchestrator.emulators.drmaatic.dialects import Dialect

REGISTERED = "registered"  # the group that the entry `members` is for
EXPIRED, INACTIVE, SLOW = "expired", "inactive", "slow"
GROUPS = {
    "alice": REGISTERED,
    "bob": REGISTERED,
    "admin": "administrators",
    EXPIRED: REGISTERED,
    INACTIVE: REGISTERED,
    SLOW: "trial",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has an account."""

    name: str

    @property
    def group(self) -> str:
        """The group that the account is in."""
        return GROUPS[self.name]

    @property
    def is_admin(self) -> bool:
        """Whether it may do and see everything."""
        return self.name == "admin"


class People:
    """The accounts. Two secrets each: the token of this service, and that of ORCID to get it by."""

    def __init__(self, root: Path, dialect: Dialect) -> None:
        self._dialect = dialect
        self._folder = root.resolve() / "tokens"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for name in GROUPS:
            for path in (self.file(name), self.file(f"{name}.orcid")):
                if not path.exists():
                    path.touch(mode=0o600)
                    path.write_text(secrets.token_urlsafe(32), "utf-8")

    def file(self, name: str) -> Path:
        """Return the absolute path of the file that holds somebody's token."""
        return self._folder / name

    def token(self, name: str) -> str:
        """Return somebody's token."""
        return self.file(name).read_text("utf-8").strip()

    def caller(self, request: Request) -> Person | None:
        """Return who calls; None: somebody without an account. Raises RefusalError."""
        sent = bearer(request)
        if sent is None:
            return None
        name = next((it for it in GROUPS if _is(self.token(it), sent)), None)
        if name is None:
            raise detail(403, self._dialect.no_token)
        if name == EXPIRED:
            raise detail(403, self._dialect.expired)
        if name == INACTIVE:
            raise detail(403, "User is forbidden")
        return Person(name)

    def exchanged(self, request: Request) -> str | None:
        """Return the token of whoever sent a token of ORCID; None: it is nobody's."""
        sent = bearer(request) or ""
        for name in GROUPS:
            if _is(self.token(f"{name}.orcid"), sent):
                return self.token(name)
        return None


def _is(secret: str, sent: str) -> bool:
    return secrets.compare_digest(secret.encode(), sent.encode())


def bearer(request: Request) -> str | None:
    """Return the token that was sent; any other scheme, and any other spelling, is none."""
    found = re.fullmatch("Bearer (.+)", request.headers.get("authorization", ""))
    return found[1].encode("latin-1").decode(errors="replace") if found else None


def refuse_strangers(owner: str | None, caller: Person | None) -> None:
    """Let the owner pass, administrators, and anybody where there is no owner.

    Raises RefusalError.
    """
    if owner is None or (caller is not None and (caller.is_admin or caller.name == owner)):
        return
    raise forbidden()


def forbidden() -> RefusalError:
    """Return what is said to who may not do something."""
    return detail(403, "You do not have permission to perform this action.")
