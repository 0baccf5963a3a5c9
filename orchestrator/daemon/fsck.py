"""Do spool, folders, queue and results agree? Looks, and changes nothing.

Each check names one combination that is legal; everything else is a finding. A crash at any moment
leaves only legal combinations, so a finding means a fault in this program, in the disk, or a hand
that moved something.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from orchestrator.config.home import Home
from orchestrator.core.ids import is_id
from orchestrator.core.lifecycle import RunState
from orchestrator.core.names import MANIFEST
from orchestrator.spool import PROBE
from orchestrator.store import audit
from orchestrator.store.results.folders import LATEST, folder_of, runs_in
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


def _one_drop_a_folder(home: Home, _: Connection) -> Iterator[str]:
    for folder in (home.claimed, home.archive):
        for name in _names(folder):
            path = folder / name
            if not is_id(name) or not path.is_dir():
                yield f"{path} is not the folder of a drop"
            elif len(inside := _names(path)) != 1 and (inside or folder == home.archive):
                yield f"{path} holds {len(inside)} things"


def _claimed_or_archived(home: Home, _: Connection) -> Iterator[str]:
    for name in set(_names(home.claimed)) & set(_names(home.archive)):
        yield f"{name} is in both {home.claimed} and {home.archive}"


def _archived_is_known(home: Home, conn: Connection) -> Iterator[str]:
    known = audit.drops(conn).keys() | audit.ids(conn, "requests")
    for name in _names(home.archive):
        if is_id(name) and name not in known:
            yield f"{home.archive / name} belongs to no job and no request of the queue"


def _job_has_drop(home: Home, conn: Connection) -> Iterator[str]:
    kept = set(_names(home.archive)) | set(_names(home.claimed))
    for job in audit.drops(conn).keys() - kept:
        yield f"what was dropped as job {job} is neither in {home.archive} nor in {home.claimed}"


def _rejected_is_known(home: Home, conn: Connection) -> Iterator[str]:
    known = audit.ids(conn, "rejected") | set(_names(home.claimed))
    for name in _names(home.rejected):
        id_ = name.rpartition("-")[2]
        if is_id(id_) and id_ not in known:
            yield f"{home.rejected / name} is not known to the queue as rejected"


def _inputs_kept(home: Home, conn: Connection) -> Iterator[str]:
    for taken in audit.taken_inputs(conn):
        folders = (home.archive, home.claimed)
        paths = [folder / taken.job / taken.dropped_as / taken.source for folder in folders]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            yield f"{paths[0]}, an input of job {taken.job}, is gone"
        elif (path.stat().st_size, path.stat().st_mtime_ns) != (taken.size, taken.mtime_ns):
            yield f"{path}, an input of job {taken.job}, was changed"


def _published_is_there(home: Home, conn: Connection) -> Iterator[str]:
    for run in audit.runs(conn):
        if run.manifest_sha256 is None:
            continue
        manifest = _folder(home, run) / MANIFEST
        try:
            found = hashlib.sha256(manifest.read_bytes()).hexdigest()
        except OSError as error:
            yield f"{manifest}, published, cannot be read: {error.strerror}"
            continue
        if found != run.manifest_sha256:
            yield f"{manifest} is not the one that was published"


def _results_are_known(home: Home, conn: Connection) -> Iterator[str]:
    known = {
        (folder_of(run.name, run.job), run.number)
        for run in audit.runs(conn)
        if run.manifest_sha256 is not None or run.state is RunState.HARVESTING
    }
    for job in _names(home.results):
        if not is_id(job.rpartition("-")[2]):
            continue
        for number in runs_in(home.results / job):
            if (job, number) not in known:
                yield f"{home.results / job / str(number)} is of no run that may publish"


def _latest_leads_to_latest(home: Home, conn: Connection) -> Iterator[str]:
    newest: dict[Path, int] = {}
    for run in audit.runs(conn):
        if run.manifest_sha256 is not None:
            newest[_folder(home, run).parent] = run.number
    for folder, number in newest.items():
        if not folder.is_dir():
            continue  # told by the check published-is-there
        link = folder / LATEST
        target = str(link.readlink()) if link.is_symlink() else "nothing"
        if not target.isdigit() or int(target) < number:
            yield f"{link} leads to {target}; the latest published run is {number}"


def _staging_is_known(home: Home, conn: Connection) -> Iterator[str]:
    published = {run.key: run.manifest_sha256 is not None for run in audit.runs(conn)}
    for key in _names(home.staging):
        if key not in published:
            yield f"{home.staging / key} belongs to no run of the queue"
        elif published[key]:
            yield f"{home.staging / key} belongs to a run whose results are published"


def _folder(home: Home, run: audit.RunRow) -> Path:
    return home.results / folder_of(run.name, run.job) / str(run.number)


def _names(folder: Path) -> list[str]:
    """List a folder; one that was not made yet is empty.

    What a start that was broken off left of its probe is no finding: the next one removes it.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are what is compared
    except FileNotFoundError:
        return []
    return sorted(name for name in names if not name.startswith(PROBE))


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
        _one_drop_a_folder,
    ),
    "claimed-or-archived": Check(
        "A drop moves from claimed/ to archive/ by one rename; in both, there are two of it.",
        _claimed_or_archived,
    ),
    "archived-is-known": Check(
        "A drop is archived only after the queue has it: here a job was lost from the queue.",
        _archived_is_known,
    ),
    "job-has-its-drop": Check(
        "What was dropped is kept in claimed/ or archive/; input files are read from there.",
        _job_has_drop,
    ),
    "inputs-are-kept": Check(
        "The input files that were dropped with an unfinished job are as they were accepted.",
        _inputs_kept,
    ),
    "rejected-is-known": Check(
        "A drop leaves claimed/ for rejected/ only after the queue has noted why.",
        _rejected_is_known,
    ),
    "published-is-there": Check(
        "The results of a run that published them are there, with the manifest it wrote. Results"
        " that were removed or moved by hand are found here too.",
        _published_is_there,
    ),
    "results-are-known": Check(
        "Results belong to a run that has published them, or was about to when it was stopped.",
        _results_are_known,
    ),
    "latest-is-latest": Check(
        "The link `latest` leads to the latest run that has results.", _latest_leads_to_latest
    ),
    "staging-is-known": Check(
        "What is being fetched belongs to a run whose results are not published yet.",
        _staging_is_known,
    ),
}
