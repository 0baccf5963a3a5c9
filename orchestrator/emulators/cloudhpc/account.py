"""The one account: its key, in a file that only its owner can read, and the calls it has made."""

import hmac
import secrets
from pathlib import Path

from orchestrator.emulators.ground import Ground

TABLES = ("calls (at REAL NOT NULL, who TEXT NOT NULL)",)
WINDOWS = {"hourly": 3600.0, "daily": 86400.0}  # seconds


class Account:
    """Calls are counted over an hour and a day; what was refused for its number is not.

    Whether those are the last 60 minutes and 24 hours, or end with the clock's, nobody publishes.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground, self._db = ground, ground.db
        self._db.make(TABLES)
        self._db.do("CREATE INDEX IF NOT EXISTS calls_by_time ON calls (at, who)")
        if not self.key_file.exists():
            self.key_file.touch(mode=0o600)
            self.key_file.write_text(secrets.token_urlsafe(24), "utf-8")

    @property
    def key_file(self) -> Path:
        """The absolute path of the file that holds the key."""
        return self._ground.root.resolve() / "api-key"

    @property
    def key(self) -> str:
        """The key."""
        return self.key_file.read_text("utf-8").strip()

    def is_key(self, sent: str) -> bool:
        """Whether a header, as HTTP decodes it, holds the key."""
        return hmac.compare_digest(sent.encode("latin-1"), self.key.encode())

    def is_used_up(self) -> bool:
        """Whether one more call would be too many."""
        return any(0 < self._limit(name) <= self._used(name) for name in WINDOWS)

    def note(self, who: str, count: int = 1) -> None:
        """Count calls: of "us", of "others", or "refused"."""
        now = self._ground.clock.now()
        with self._db.together():
            for _ in range(count):
                self._db.do("INSERT INTO calls VALUES (:now, :who)", now=now, who=who)

    def headers(self) -> dict[str, str]:
        """Return what every reply says of the account's calls."""
        found = {}
        for name in WINDOWS:
            found[f"x-ratelimit-{name}-limit"] = str(self._limit(name))
            found[f"x-ratelimit-{name}-used"] = str(self._used(name))
        return found

    def told(self) -> dict[str, int]:
        """Return how many calls there were in all, by who made them."""
        rows = self._db.all("SELECT who, count(*) AS calls FROM calls GROUP BY who")
        return {"us": 0, "others": 0, "refused": 0} | {row["who"]: row["calls"] for row in rows}

    def _limit(self, name: str) -> int:
        return int(self._ground.dials[name])

    def _used(self, name: str) -> int:
        now, window = self._ground.clock.now(), WINDOWS[name]
        since = now - now % window if self._ground.dials["fixed-hours"] else now - window
        sql = "SELECT count(*) AS calls FROM calls WHERE at > :since AND who != 'refused'"
        row = self._db.one(sql, since=since)
        return 0 if row is None else int(row["calls"])
