"""What lies in the home is told to a copy of the queue that is older than it.

Everything happens in one transaction on the copy. Of the home only leftovers are touched that any
queue does without: outputs half fetched, a link that a kill left behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestrator import spool
from orchestrator.config import Config, Home
from orchestrator.core.ids import key_of
from orchestrator.core.intake import NewJob, Rejection, Request
from orchestrator.core.lifecycle import RunState
from orchestrator.core.now import Now
from orchestrator.daemon.entry import lease_with, read_with, rules_of
from orchestrator.intake.judge import Refused, Verdict, judge
from orchestrator.log.status import last_number
from orchestrator.spool import Claimed
from orchestrator.spool.claims import new_id
from orchestrator.store import audit, entrance, restored, results
from orchestrator.store.home import HomeRow
from orchestrator.store.restored import Found
from orchestrator.store.sqlite import Connection


@dataclass
class Told:
    """What the home had to say.

    `published`: runs whose results were found. `again`: jobs that were accepted after the copy was
    made. `held`: jobs that wait for a person. `sought`: runs that are looked for by their key.
    `left_out`: what could not be taken in again, each with the reason.
    """

    published: int = 0
    again: int = 0
    held: int = 0
    sought: int = 0
    left_out: list[str] = field(default_factory=list)


def reconcile(home: Home, config: Config, conn: Connection, row: HomeRow, now: Now) -> Told:
    """Tell the copy what became of its jobs, and doubt the rest.

    Raises OSError, DiskFullError, FatalStorageError, and what SQLite raises.
    """
    told = Told()
    restored.number_history_from(conn, last_number(home.log / "status.log"))
    for rejection in _unknown_rejections(home, conn):
        entrance.reject(conn, rejection, now)
    for drop in _unknown_drops(home, conn):
        read, lease_of = read_with(config), lease_with(config)
        verdict = judge(home, drop, rules_of(config), read, lease_of)
        _take_in(home, conn, drop, verdict, now=now, told=told)
    for job, found in unknown_results(home, conn, row.id, told):
        key = lambda: key_of(row.id, new_id())  # noqa: E731 - one line says it
        told.published += restored.adopt(conn, job, found, now, key)
    since = datetime.fromtimestamp(row.anchor.wall, UTC).strftime("%Y-%m-%d %H:%M UTC")
    why = f"the queue was restored as it was on {since}"
    told.held, told.sought = restored.doubt_everything(conn, why, now)
    published = {run.key: run.manifest_sha256 is not None for run in audit.runs(conn)}
    for key_left in results.leftovers(home):
        if published.get(key_left, True):  # an unknown run's are fetched again, should it be found
            results.discard(home, key_left)
    return told


def _unknown_rejections(home: Home, conn: Connection) -> Iterator[Rejection]:
    """Yield what was rejected after the copy was made; what is still claimed, the daemon ends."""
    known = audit.ids(conn, "rejected") | {drop.id for drop in spool.leftovers(home)}
    for ident, name, problems in spool.refusals(home):
        if ident not in known:
            yield Rejection(ident, name, "; ".join(problems))


def _unknown_drops(home: Home, conn: Connection) -> list[Claimed]:
    """Return the drops that were accepted, or perhaps accepted, after the copy was made."""
    known = audit.drops(conn).keys() | audit.ids(conn, "requests") | audit.ids(conn, "rejected")
    drops = [drop for drop in spool.leftovers(home) if drop.id not in known]
    drops += spool.archived(home, known)
    return sorted(drops, key=lambda drop: drop.order)


def _take_in(
    home: Home, conn: Connection, drop: Claimed, verdict: Verdict, *, now: Now, told: Told
) -> None:
    """Take in what was dropped. A request is only noted: it was about the queue as it was then."""
    match verdict:
        case NewJob() as job:
            entrance.add(conn, job, now)
            told.again += 1
        case Request() as request:
            restored.note_request(conn, drop.id, request, now)
        case Refused(problems) if drop.archived:
            place = home.archive / drop.id
            why = f"it cannot be taken in again, and lies in {place}: {'; '.join(problems)}"
            entrance.reject(conn, Rejection(drop.id, spool.shown(drop.name), why), now)
            told.left_out.append(f"{spool.shown(drop.name)}: {why}")
        case Refused(problems):  # the verdict stands from here on: the daemon moves it
            spool.write_reason(home, drop.id, drop.name, problems)
        case None:
            place = (home.archive if drop.archived else home.claimed) / drop.id
            raise BlockingIOError(11, "somebody writes to it; try again", str(place))


def unknown_results(
    home: Home, conn: Connection, home_id: str, told: Told
) -> Iterator[tuple[str, dict[int, Found]]]:
    """Yield results that the copy does not know, of jobs that it knows, by number of the run."""
    names = restored.jobs(conn)
    ended = {(run.job, run.number) for run in audit.runs(conn) if run.state is RunState.ENDED}
    for folder in sorted(home.results.iterdir()):
        job = folder.name.rpartition("-")[2]
        if folder.name != results.folder_of(names.get(job, ""), job):
            continue
        found = {}
        for number in results.runs_in(folder):
            if (job, number) in ended:
                continue
            try:
                run, sha256 = results.take_over(home, names[job], job, number)
            except (ValueError, results.ResultError) as error:
                told.left_out.append(f"{folder / str(number)}: {error}")
                continue
            if restored.is_key_of(home_id, run.key):
                found[number] = Found(run, sha256)
        yield job, found
