"""What an account may use: credit for submissions (2025), and a number of calls (both)."""

import math

from orchestrator.emulators.drmaatic.answers import RefusalError, detail
from orchestrator.emulators.drmaatic.dialects import OLD, Dialect
from orchestrator.emulators.drmaatic.people import SLOW, Person
from orchestrator.emulators.ground import Ground

TABLES = (
    "purses (who TEXT PRIMARY KEY, credit INTEGER NOT NULL, at REAL NOT NULL)",
    "counted (at REAL NOT NULL, who TEXT NOT NULL)",
)
MINUTE, DAY = 60.0, 86400.0
PLENTY = 1_000_000  # what an account without a limit is said to have
SLOW_CREDIT, SLOW_CALLS = 5, 8  # of the account that soon has used up what it may


class Quota:
    """What is left to whom. Each of the service's processes keeps purses of its own."""

    def __init__(self, ground: Ground, dialect: Dialect) -> None:
        self._ground, self._db, self._dialect = ground, ground.db, dialect
        self._turn = 0
        for table in TABLES:
            self._db.make([table])

    def spend(self, person: Person | None, tokens: int) -> None:
        """Take credit for a submission. Raises RefusalError if there is not enough."""
        who = self._purse(person)
        credit, elapsed = self._refilled(who, person)
        if credit < tokens:
            raise throttled(int(self._every - elapsed) if elapsed else 0)
        if self._most(person) < PLENTY:
            sql = "UPDATE purses SET credit = credit - :tokens WHERE who = :who"
            self._db.do(sql, tokens=tokens, who=who)

    def credit(self, person: Person | None, wanted: int | None) -> dict[str, object]:
        """Return what is left, and the seconds to wait until there is as much as wanted."""
        credit, elapsed = self._refilled(self._purse(person), person)
        told: dict[str, object] = {"available_cpu_credit": credit}
        if wanted is None:
            return told
        if wanted > self._most(person):
            return told | {"wait_time": "infinite"}
        missing = max(wanted - credit, 0)
        wait = missing / self._ground.dials["credit-amount"] * self._every - elapsed
        return told | {"wait_time": int(wait) if missing else 0}

    def count(self, person: Person | None) -> None:
        """Count a call. Raises RefusalError, and does not count it, if it is one too many."""
        window = DAY if self._dialect is OLD else MINUTE
        limit = int(self._ground.dials["daily" if self._dialect is OLD else "reads"])
        if person is not None and person.name == SLOW:
            limit = SLOW_CALLS
        if not limit:
            return
        who, now = _name(person), self._ground.clock.now()
        sql = "SELECT at FROM counted WHERE who = :who AND at > :since ORDER BY at DESC"
        rows = self._db.all(sql, who=who, since=now - window)
        if len(rows) >= limit:
            raise throttled(math.ceil(rows[limit - 1]["at"] + window - now))
        self._db.do("INSERT INTO counted VALUES (:now, :who)", now=now, who=who)

    @property
    def _every(self) -> float:
        return self._ground.dials["credit-every"]

    def _most(self, person: Person | None) -> int:
        if person is not None and person.name == SLOW:
            return SLOW_CREDIT
        return int(self._ground.dials["credit"]) or PLENTY

    def _purse(self, person: Person | None) -> str:
        self._turn += 1
        return f"{_name(person)} {self._turn % max(int(self._ground.dials['processes']), 1)}"

    def _refilled(self, who: str, person: Person | None) -> tuple[int, float]:
        """Return the credit in a purse, and how long ago it was last refilled, in seconds."""
        most, now = self._most(person), self._ground.clock.now()
        sql = "INSERT OR IGNORE INTO purses VALUES (:who, :most, :now)"
        self._db.do(sql, who=who, most=most, now=now)
        row = self._db.one("SELECT * FROM purses WHERE who = :who", who=who)
        assert row is not None  # noqa: S101 - it was inserted if it was not there
        times = int((now - row["at"]) // self._every)
        if not times:
            return min(row["credit"], most), now - row["at"]
        credit = min(most, row["credit"] + times * int(self._ground.dials["credit-amount"]))
        sql = "UPDATE purses SET credit = :credit, at = :now WHERE who = :who"
        self._db.do(sql, credit=credit, now=now, who=who)
        return credit, 0.0


def throttled(wait: int) -> RefusalError:
    """Return what is said when there is too little left; a wait of nothing has no header."""
    text = f"Request was throttled. Expected available in {wait} second{'' if wait == 1 else 's'}."
    return detail(429, text, **({"Retry-After": str(wait)} if wait else {}))


def _name(person: Person | None) -> str:
    return "anonymous" if person is None else person.name
