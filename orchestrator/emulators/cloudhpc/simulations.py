"""The simulations of this service as it keeps them: one row each."""

from collections.abc import Mapping
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground

COMPLETED, PENDING, RUNNING, STOPPING, STOPPED, ERROR = 10, 20, 30, 40, 50, 60
ACTIVE = (PENDING, RUNNING, STOPPING)
US, OTHERS = 4, 7  # user ids: whoever shares the account, only we have anything computed
SYNCED_EVERY = 36_000.0  # seconds
TABLES = (
    """simulations (
        id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, cpu INTEGER NOT NULL,
        ram TEXT NOT NULL, script TEXT NOT NULL, folder TEXT NOT NULL, mesh TEXT NOT NULL,
        nopre INTEGER NOT NULL, added REAL NOT NULL, begun REAL, ended REAL,
        used REAL NOT NULL DEFAULT 0,
        status INTEGER NOT NULL, stop_due REAL, sync_due REAL, remarks TEXT NOT NULL DEFAULT '',
        logs TEXT NOT NULL DEFAULT '')""",
)
# What index-short can sort by. What has no end yet sorts first, as an empty text does.
SORTED_BY = {
    "id": "id",
    "user_id": "user_id",
    "cpu": "cpu",
    "ram": "ram",
    "nopre": "nopre",
    "folder": "folder",
    "mesh": "mesh",
    "script": "script",
    "status": "status",
    "idate": "added",
    "edate": "coalesce(ended, 0)",
}


class Simulations:
    """All simulations of the account, those of others among them."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._db = ground, ground.db
        self._db.make(TABLES)

    def add(self, wish: Mapping[str, Any]) -> int:
        """Keep a new simulation of ours, and that it was started; return its id."""
        with self._db.together():
            id_ = self._insert(US, PENDING, wish)
            self._ground.note_start(str(id_), [wish["folder"]])
        return id_

    def add_others(self, folder: str, count: int, status: int) -> list[int]:
        """Keep simulations that somebody else started on the account; return their ids."""
        wish = {"cpu": 1, "ram": "standard", "script": "fds6.9.1", "mesh": "", "nopre": 1}
        with self._db.together():
            return [self._insert(OTHERS, status, wish | {"folder": folder}) for _ in range(count)]

    def get(self, id_: int) -> Row | None:
        """Return a simulation."""
        return self._db.one("SELECT * FROM simulations WHERE id = :id", id=id_)

    def page(self, field: str, number: int, *, down: bool, lag: float) -> list[Row]:
        """Return one page of all that were added more than `lag` seconds ago, by a field."""
        way, size = "DESC" if down else "ASC", int(self._ground.dials["page"])
        sql = f"""SELECT * FROM simulations WHERE added <= :newest
                  ORDER BY {SORTED_BY[field]} {way}, id {way}
                  LIMIT :size OFFSET :skipped"""  # noqa: S608 - a constant of SORTED_BY
        newest = self._ground.clock.now() - lag
        return self._db.all(sql, newest=newest, size=size, skipped=(number - 1) * size)

    def unfinished(self) -> list[int]:
        """Return those of ours that have not ended."""
        sql = "SELECT id FROM simulations WHERE ended IS NULL AND user_id = :us"
        return [row["id"] for row in self._db.all(sql, us=US)]

    def begin(self, id_: int) -> None:
        """Note that the work has begun."""
        now = self._ground.clock.now()
        self._change(
            id_,
            "begun = :now, sync_due = :due, status = iif(status = :pending, :running, status)",
            now=now, due=now + SYNCED_EVERY, pending=PENDING, running=RUNNING,
        )  # fmt: skip

    def rewind(self, id_: int) -> None:
        """Note that the machine of a run was taken away: it waits for another one."""
        self._change(
            id_,
            """used = used + :now - begun, begun = NULL,
               status = iif(status = :running, :pending, status)""",
            now=self._ground.clock.now(), running=RUNNING, pending=PENDING,
        )  # fmt: skip

    def stop_at(self, id_: int, due: float) -> None:
        """Note that the work is to end in order, at the latest then; the first time counts."""
        values = {"status": STOPPING, "due": due}
        self._change(id_, "status = :status, stop_due = coalesce(stop_due, :due)", **values)

    def sync_at(self, id_: int, due: float) -> None:
        """Note when the results so far are to be uploaded next."""
        self._change(id_, "sync_due = min(coalesce(sync_due, :due), :due)", due=due)

    def synced(self, id_: int) -> None:
        """Note that they were."""
        self._change(id_, "sync_due = :due", due=self._ground.clock.now() + SYNCED_EVERY)

    def remark(self, id_: int, line: str) -> None:
        """Add a line of the service's own to the output."""
        self._change(id_, "remarks = remarks || :line", line=f"{line}\n")

    def log(self, id_: int, line: str) -> None:
        """Add a line to the log."""
        at = self._ground.clock.date().strftime("%H:%M:%S")
        self._change(id_, "logs = logs || :line", line=f"{at} {line}\n")

    def end(self, id_: int, status: int) -> None:
        """Note the end of a simulation, unless it has ended already."""
        now = self._ground.clock.now()
        self._change(id_, "status = :status, ended = :now", status=status, now=now)

    def _insert(self, user: int, status: int, wish: Mapping[str, Any]) -> int:
        now = self._ground.clock.now()
        self._db.do(
            """INSERT INTO simulations
               (user_id, cpu, ram, script, folder, mesh, nopre, added, begun, ended, status)
               VALUES (:user, :cpu, :ram, :script, :folder, :mesh, :nopre, :now, :begun, :ended,
               :status)""",
            user=user, now=now, begun=None if status == PENDING else now,
            ended=None if status in ACTIVE else now, status=status, **wish,
        )  # fmt: skip
        row = self._db.one("SELECT last_insert_rowid() AS id")
        assert row is not None  # noqa: S101 - it was inserted in the line before
        return int(row["id"])

    def _change(self, id_: int, change: str, **values: Any) -> None:
        sql = f"UPDATE simulations SET {change} WHERE id = :id AND ended IS NULL"  # noqa: S608 - constants of this file
        self._db.do(sql, id=id_, **values)
