"""The one row about this home: its id, the clock's anchor, and the cursor of status.log."""

from dataclasses import dataclass

from orchestrator.store.queries import load
from orchestrator.store.sqlite import Connection


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the clocks read together: steady, seconds since boot, which boot, wall (UTC)."""

    steady: float
    boot_seconds: float
    boot_id: str
    wall: float


@dataclass(frozen=True, slots=True)
class HomeRow:
    """What there is one of."""

    id: str
    anchor: Anchor
    status_cursor: int


def read_home(conn: Connection) -> HomeRow | None:
    """Return the row, None in a new home."""
    row = conn.execute(load("look")["home"]).fetchone()
    if row is None:
        return None
    anchor = Anchor(row["steady"], row["boot_seconds"], row["boot_id"], row["wall"])
    return HomeRow(row["id"], anchor, row["status_cursor"])


def found_home(conn: Connection, home: str, anchor: Anchor) -> HomeRow:
    """Write the row of a new home, or return the one that is there."""
    conn.execute(
        "INSERT INTO home (only, id, steady, boot_seconds, boot_id, wall)"
        " VALUES (1, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (home, anchor.steady, anchor.boot_seconds, anchor.boot_id, anchor.wall),
    )
    row = read_home(conn)
    assert row is not None  # noqa: S101 - it was written one line above
    return row


def save_pulse(conn: Connection, anchor: Anchor, status_cursor: int) -> None:
    """Save, for the next start, what the clocks read and up to where status.log is written."""
    conn.execute(
        "UPDATE home SET steady = ?, boot_seconds = ?, boot_id = ?, wall = ?, status_cursor = ?",
        (anchor.steady, anchor.boot_seconds, anchor.boot_id, anchor.wall, status_cursor),
    )
