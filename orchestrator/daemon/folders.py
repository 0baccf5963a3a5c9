"""What lies in the folders of a home, held against what the queue knows. For `fsck`.

Each look yields in words where the two do not agree.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from orchestrator.backends.local.removing import GONE
from orchestrator.config.home import Home
from orchestrator.core.ids import is_id
from orchestrator.core.lifecycle import RunState
from orchestrator.core.names import MANIFEST
from orchestrator.spool import PROBE
from orchestrator.store import audit
from orchestrator.store.results.folders import LATEST, folder_of, runs_in
from orchestrator.store.sqlite import Connection

RUNS = "runs"  # in the folder of a backend that runs processes here
UNDER_WAY = {RunState.RUNNING, RunState.HARVESTING}


def one_drop_a_folder(home: Home, _: Connection) -> Iterator[str]:
    """Look at the shape of claimed/ and archive/."""
    for folder in (home.claimed, home.archive):
        for name in _names(folder):
            path = folder / name
            if not is_id(name) or not path.is_dir():
                yield f"{path} is not the folder of a drop"
            elif len(inside := _names(path)) != 1 and (inside or folder == home.archive):
                yield f"{path} holds {len(inside)} things"


def claimed_or_archived(home: Home, _: Connection) -> Iterator[str]:
    """Look for drops that are in both."""
    for name in set(_names(home.claimed)) & set(_names(home.archive)):
        if is_id(name):
            yield f"{name} is in both {home.claimed} and {home.archive}"


def archived_is_known(home: Home, conn: Connection) -> Iterator[str]:
    """Compare archive/ with the jobs and requests of the queue."""
    known = audit.drops(conn).keys() | audit.ids(conn, "requests")
    known |= audit.ids(conn, "rejected")  # a restore that could not take it in again left it here
    for name in _names(home.archive):
        if is_id(name) and name not in known:
            yield f"{home.archive / name} belongs to no job and no request of the queue"


def job_has_drop(home: Home, conn: Connection) -> Iterator[str]:
    """Look for what became each job."""
    kept = set(_names(home.archive)) | set(_names(home.claimed))
    for job in audit.drops(conn).keys() - kept:
        yield f"what was dropped as job {job} is neither in {home.archive} nor in {home.claimed}"


def rejected_is_known(home: Home, conn: Connection) -> Iterator[str]:
    """Compare rejected/ with the rejections of the queue."""
    known = audit.ids(conn, "rejected") | set(_names(home.claimed))
    for name in _names(home.rejected):
        id_ = name.rpartition("-")[2]
        if is_id(id_) and id_ not in known:
            yield f"{home.rejected / name} is not known to the queue as rejected"


def inputs_kept(home: Home, conn: Connection) -> Iterator[str]:
    """Compare the inputs that unfinished jobs brought with what was accepted."""
    for taken in audit.taken_inputs(conn):
        folders = (home.archive, home.claimed)
        paths = [folder / taken.job / taken.dropped_as / taken.source for folder in folders]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            yield f"{paths[0]}, an input of job {taken.job}, is gone"
        elif (path.stat().st_size, path.stat().st_mtime_ns) != (taken.size, taken.mtime_ns):
            yield f"{path}, an input of job {taken.job}, was changed"


def published_is_there(home: Home, conn: Connection) -> Iterator[str]:
    """Compare each published manifest with what the queue knows of it."""
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


def results_are_known(home: Home, conn: Connection) -> Iterator[str]:
    """Compare the folders of results with the runs that may have some."""
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


def latest_leads_to_latest(home: Home, conn: Connection) -> Iterator[str]:
    """Follow the link of each job with results."""
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


def staging_is_known(home: Home, conn: Connection) -> Iterator[str]:
    """Compare what is being fetched with the queue."""
    published = {run.key: run.manifest_sha256 is not None for run in audit.runs(conn)}
    for key in _names(home.staging):
        if key not in published:
            yield f"{home.staging / key} belongs to no run of the queue"
        elif published[key]:
            yield f"{home.staging / key} belongs to a run whose results are published"


def run_folders_are_known(home: Home, conn: Connection) -> Iterator[str]:
    """Compare the folders of local runs with the queue."""
    runs = {run.key: run for run in audit.runs(conn)}
    restored = audit.was_restored(conn)
    for place in _local_runs(home):
        for name in _names(place):
            run = runs.get(name.removeprefix(GONE))
            if run is None and restored:
                continue  # perhaps of a run that only the queue before it knew
            if run is None:
                yield f"{place / name} belongs to no run of the queue"
            elif name == run.key and run.forgotten and run.manifest_sha256 is not None:
                yield f"{place / name} belongs to a run whose results are published, and is kept"


def live_run_has_its_folder(home: Home, conn: Connection) -> Iterator[str]:
    """Look for the folders of local runs that are under way."""
    for run in audit.runs(conn):
        runs = home.backend(run.backend) / RUNS
        if run.state in UNDER_WAY and runs.is_dir() and not (runs / run.key).is_dir():
            yield f"{runs / run.key}, of a run that is {run.state}, is gone"


def _local_runs(home: Home) -> list[Path]:
    places = [home.backend(name) / RUNS for name in _names(home.backend(""))]
    return [place for place in places if place.is_dir()]


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
