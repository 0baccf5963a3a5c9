"""Do spool, folders, queue, runs and results agree? Looks, and changes nothing.

A crash at any moment leaves only legal combinations, so a finding means a fault in this program, in
the disk, or a hand that moved something. This is where everything about one job may be:

| moment | spool | claimed | archive | queue | run's folder | staging | results |
| --- | --- | --- | --- | --- | --- | --- | --- |
| dropped | whole | - | - | - | - | - | - |
| about to be claimed | whole | empty | - | - | - | - | - |
| claimed | - | whole | - | - | - | - | - |
| accepted | - | whole | - | queued | - | - | - |
| filed away | - | - | whole | queued | - | - | - |
| its run begins | - | - | whole | staging, submitting, unknown | none, any part | - | - |
| it runs | - | - | whole | running | there | - | - |
| it is fetched | - | - | whole | harvesting | there | none, any part | - |
| it is published | - | - | whole | harvesting | there | none, any part | whole |
| that is written down | - | - | whole | ended, published | there, any part | - | whole |
| it is let go | - | - | whole | ended, published, let go | - | - | whole |
| or: refused, dropped | - | - | whole | ended | none, any part | - | - |
| or: given up | - | - | whole | ended, let go | kept | until the next start | - |
| or: the drop is refused | - | whole, then - | - | rejection | - | - | - |

A refused drop has its reason in rejected/ before the queue knows it, and follows after that. A
request goes the way of a drop, and is known to the queue as a request. The checks below are these
rows, read the other way round: each names what must hold of everything that is found.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from orchestrator.config.home import Home
from orchestrator.daemon import folders
from orchestrator.store import audit
from orchestrator.store.sqlite import Connection

SECOND_LOOK = 1.0  # seconds; a daemon at work passes through moments that look odd from outside


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree: the name of the check, and it in words (escape it)."""

    check: str
    text: str


class Check(NamedTuple):
    """What must hold, why, and how to find where it does not."""

    why: str
    look: Callable[[Home, Connection], Iterator[str]]


def inspect(home: Home, conn: Connection, *, is_served: bool) -> list[Finding]:
    """Return everything that does not agree.

    While a daemon serves the home, only what is found twice, a second apart, counts.
    """
    found = _look(home, conn)
    if found and is_served:
        time.sleep(SECOND_LOOK)
        again = set(_look(home, conn))
        found = [finding for finding in found if finding in again]
    return found


def _look(home: Home, conn: Connection) -> list[Finding]:
    """Run every check; a damaged database ends it, because the others read what it holds."""
    found: list[Finding] = []
    for name, check in CHECKS.items():
        try:
            found += [Finding(name, text) for text in check.look(home, conn)]
        except ValueError as error:  # a state or a JSON text that nothing of ours writes
            found.append(Finding(name, f"the queue holds what cannot be read: {error}"))
        if found and check.look is _database:
            break
    return found


def _database(_: Home, conn: Connection) -> Iterator[str]:
    yield from audit.damage(conn)


def _rule(_: Home, conn: Connection, *, rule: str) -> Iterator[str]:
    yield from audit.broken(conn, rule)


def _shown(_: Home, conn: Connection) -> Iterator[str]:
    yield from audit.misshown(conn)


CHECKS = {
    "database-is-whole": Check("SQLite reads every page and follows every reference.", _database),
    "one-live-run": Check(
        "An active job has exactly one live run, every other job none.",
        partial(_rule, rule="live_runs"),
    ),
    "runs-are-counted": Check(
        "Runs are numbered from 1 without gaps: a missing one would be a run nobody knows of.",
        partial(_rule, rule="run_numbers"),
    ),
    "success-is-proved": Check(
        "A job succeeds only by its last run having succeeded.",
        partial(_rule, rule="success_proved"),
    ),
    "waits-as-long-as-needed": Check(
        "A job waits exactly as long as not all that it comes after have succeeded.",
        partial(_rule, rule="waits"),
    ),
    "runs-in-order": Check(
        "A job is not begun before all that it comes after have succeeded.",
        partial(_rule, rule="in_order"),
    ),
    "one-at-a-time": Check(
        "Each run has what its job needs to itself from its beginning to its end, and alone.",
        partial(_rule, rule="leases"),
    ),
    "line-is-told": Check(
        "A queued job that needs what another has is shown as waiting for it.",
        partial(_rule, rule="in_line"),
    ),
    "keys-are-ours": Check(
        "A run is looked for at its backend by a key made of the home's id and its own.",
        partial(_rule, rule="keys"),
    ),
    "one-id-one-thing": Check(
        "A drop becomes a job or is rejected, never both.",
        partial(_rule, rule="one_id_one_thing"),
    ),
    "history-is-unbroken": Check(
        "Each entry of a job's history begins where the one before it ended.",
        partial(_rule, rule="history_chain"),
    ),
    "history-is-complete": Check(
        "What is shown of a job is what its history ends with.",
        partial(_rule, rule="history_end"),
    ),
    "shown-is-true": Check("What is shown of a job follows from its state and wish.", _shown),
    "one-drop-a-folder": Check(
        "claimed/ and archive/ hold one folder for each drop, with what was dropped in it.",
        folders.one_drop_a_folder,
    ),
    "claimed-or-archived": Check(
        "A drop moves from claimed/ to archive/ by one rename; in both, there are two of it.",
        folders.claimed_or_archived,
    ),
    "archived-is-known": Check(
        "A drop is archived only after the queue has it: here a job was lost from the queue.",
        folders.archived_is_known,
    ),
    "job-has-its-drop": Check(
        "What was dropped is kept in claimed/ or archive/; input files are read from there.",
        folders.job_has_drop,
    ),
    "inputs-are-kept": Check(
        "The input files that were dropped with an unfinished job are as they were accepted.",
        folders.inputs_kept,
    ),
    "rejected-is-known": Check(
        "A drop leaves claimed/ for rejected/ only after the queue has noted why.",
        folders.rejected_is_known,
    ),
    "published-is-there": Check(
        "The results of a run that published them are there, with the manifest it wrote. Results"
        " that were removed or moved by hand are found here too.",
        folders.published_is_there,
    ),
    "results-are-known": Check(
        "Results belong to a run that has published them, or was about to when it was stopped.",
        folders.results_are_known,
    ),
    "latest-is-latest": Check(
        "The link `latest` leads to the latest run that has results.",
        folders.latest_leads_to_latest,
    ),
    "results-were-fetched": Check(
        "Of a run that has published its results, every output was fetched and proved.",
        partial(_rule, rule="all_fetched"),
    ),
    "only-ended-is-let-go": Check(
        "A backend is asked to forget a run after it has ended, never before.",
        partial(_rule, rule="let_go"),
    ),
    "status-log-is-not-ahead": Check(
        "What status.log is said to hold has happened: entries to come would be left out of it.",
        partial(_rule, rule="status_cursor"),
    ),
    "run-folders-are-known": Check(
        "A local run's folder belongs to a run of the queue, and goes once its results are"
        " published.",
        folders.run_folders_are_known,
    ),
    "live-run-has-its-folder": Check(
        "A local run that runs, or whose outputs are fetched, has its folder: it holds the proof"
        " that it was started, and its outputs.",
        folders.live_run_has_its_folder,
    ),
    "staging-is-known": Check(
        "What is being fetched belongs to a run whose results are not published yet.",
        folders.staging_is_known,
    ),
}
