"""Accounts, their passwords and their tokens."""

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.thecrossproduct.refusal import RefusalError

TABLES = (
    """accounts (
        id TEXT PRIMARY KEY, mail TEXT NOT NULL UNIQUE, created REAL NOT NULL,
        logins INTEGER NOT NULL, last_login REAL)""",
    """tokens (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
        expires REAL NOT NULL, uses INTEGER NOT NULL, uses_limit INTEGER NOT NULL)""",
    "groups (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, descr TEXT NOT NULL)",
)
MAILS = ("engineer@example.org", "colleague@example.org")
GROUP = "unit_tests"
MOST_TOKENS = 50
TOKEN_LIFETIME = 86400.0  # seconds


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the account, and the token that proved it."""

    account: str
    token: str


class Accounts:
    """Two accounts that share a group. A password lies in a file that only its owner can read."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._db = ground, ground.db
        self._db.make(TABLES)
        self._key = ground.objects.signing_key
        for mail in MAILS:
            sql = "INSERT OR IGNORE INTO accounts VALUES (:id, :mail, :now, 0, NULL)"
            self._db.do(sql, id=str(uuid.uuid4()), mail=mail, now=ground.clock.now())
            if not self.password_file(mail).exists():
                self.set_password(mail, secrets.token_urlsafe(18))
        sql = "INSERT OR IGNORE INTO groups VALUES (:id, :name, 'Shared by all accounts')"
        self._db.do(sql, id=str(uuid.uuid4()), name=GROUP)

    def password_file(self, mail: str) -> Path:
        """Return the absolute path of the file that holds a password."""
        return self._ground.root.resolve() / f"password-{mail.partition('@')[0]}"

    def password(self, mail: str) -> str:
        """Return the password of an account."""
        return self.password_file(mail).read_text("utf-8")

    def set_password(self, mail: str, password: str) -> None:
        """Keep a new password."""
        new = self.password_file(mail).with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(password, "utf-8")
        new.rename(self.password_file(mail))

    def get(self, account: str) -> Row:
        """Return an account."""
        row = self._db.one("SELECT * FROM accounts WHERE id = :id", id=account)
        assert row is not None  # noqa: S101 - accounts are never removed
        return row

    def by_mail(self, mail: str) -> Row | None:
        """Return the account of a mail address."""
        return self._db.one("SELECT * FROM accounts WHERE mail = :mail", mail=mail)

    def groups(self) -> list[Row]:
        """Return the groups; every account is in all of them."""
        return self._db.all("SELECT * FROM groups ORDER BY name")

    def login(self, mail: str, password: str) -> str:
        """Return a new token. Raises RefusalError."""
        row = self.by_mail(mail)
        known = row is not None and hmac.compare_digest(
            self.password(mail).encode(), password.encode()
        )
        if row is None or not known:
            raise RefusalError(401, "Invalid credentials")
        account, now = row["id"], self._ground.clock.now()
        self._db.do("DELETE FROM tokens WHERE expires <= :now", now=now)
        alive = self._db.all("SELECT id FROM tokens WHERE account = :id", id=account)
        if len(alive) >= MOST_TOKENS:
            raise RefusalError(403, "Too many active tokens")
        limit = int(self._ground.faults.strike("token-uses") or 0)
        id_ = str(uuid.uuid4())
        token = self._jwt({"id": id_, "user_id": account, "exp": int(now + TOKEN_LIFETIME)})
        self._ground.given.append(token)
        with self._db.together():
            sql = "INSERT INTO tokens VALUES (:id, :account, :token, :expires, 0, :uses_limit)"
            values = {"id": id_, "account": account, "token": token, "uses_limit": limit}
            self._db.do(sql, **values, expires=now + TOKEN_LIFETIME)
            sql = "UPDATE accounts SET logins = logins + 1, last_login = :now WHERE id = :id"
            self._db.do(sql, now=now, id=account)
        return token

    def caller(self, token: str, where: str) -> Caller:
        """Return who calls with a token, and count the use. Raises RefusalError."""
        if self._ground.faults.strike("token-killed", where) is not None:
            self._db.do("DELETE FROM tokens WHERE token = :token", token=token)
        sql = "SELECT * FROM tokens WHERE token = :token AND expires > :now"
        row = self._db.one(sql, token=token, now=self._ground.clock.now())
        if row is None or 0 < row["uses_limit"] <= row["uses"]:
            raise RefusalError(401, "Invalid API token")
        self._db.do("UPDATE tokens SET uses = uses + 1 WHERE id = :id", id=row["id"])
        return Caller(row["account"], row["id"])

    def token(self, id_: str) -> Row:
        """Return a token that was just used."""
        row = self._db.one("SELECT * FROM tokens WHERE id = :id", id=id_)
        assert row is not None  # noqa: S101 - the call is in progress that it permitted
        return row

    def logout(self, token: str) -> None:
        """End one token."""
        self._db.do("DELETE FROM tokens WHERE id = :id", id=token)

    def logout_everywhere(self, account: str) -> None:
        """End all tokens of an account."""
        self._db.do("DELETE FROM tokens WHERE account = :id", id=account)

    def _jwt(self, claims: dict[str, object]) -> str:
        parts = [_part({"alg": "HS256", "typ": "JWT"}), _part(claims)]
        mark = hmac.new(self._key, ".".join(parts).encode(), hashlib.sha256).digest()
        return ".".join([*parts, base64.urlsafe_b64encode(mark).decode().rstrip("=")])


def _part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
