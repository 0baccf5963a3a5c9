"""What must hold after a power cut and a restart, held against what the world was told before."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.core.lifecycle import Shown
from orchestrator.daemon.fsck import inspect
from orchestrator.log.status import render
from orchestrator.store import audit, look, views
from orchestrator.store.results import folder_of, verify
from orchestrator.store.sqlite import Connection, connect_reader
from orchestrator.store.views import JobLine
from tests.powercut.record import Told
from tests.powercut.scenario import CANCELLED, JOBS, Sort

ENDS = {0, 1}  # of serve: all is well, or some job did not succeed or waits for a person


def broken_after(world: Path, told: Told, status: int) -> Iterator[str]:
    """Yield every promise that is broken after a restart that ended with this status."""
    home = Home(world / "disk" / "home")
    if status not in ENDS:
        yield f"serve ended with {status}: {(world / 'serve.log').read_text()[-2000:]}"
        return
    with closing(connect_reader(home.database)) as conn:
        for found in inspect(home, conn, is_served=False):
            yield f"fsck: {found.check}: {found.text}"
        yield from _lost(home, conn, told)
        yield from _jobs(home, conn, told)
        yield from _status_log(home, conn, told)
    yield from _run_twice(world)


def _lost(home: Home, conn: Connection, told: Told) -> Iterator[str]:
    for id_ in told.ids - audit.drops(conn).keys():
        yield f"lost: {id_} was submitted, with a good job file, and is no job"
    for id_ in audit.ids(conn, "rejected"):
        found = {path.name: path for path in home.rejected.glob(f"*-{id_}/*")}
        if found.keys() != {"reason.txt", "reason.json", "dropped"}:
            yield f"rejected/ holds for {id_} only {sorted(found)}"
        elif not found["reason.txt"].read_text().endswith("drop it into the spool again.\n"):
            yield f"rejected/ gives no whole reason for {id_}"


def _jobs(home: Home, conn: Connection, told: Told) -> Iterator[str]:
    ran = set((home.root.parents[1] / "outside" / "ledger").read_text().splitlines())
    for job in [*views.jobs(conn, "unfinished"), *views.jobs(conn, "ended")]:
        sort = _sort_of(job)
        has_ended = job.shown in {Shown.SUCCEEDED, Shown.FAILED}
        if has_ended and f"{job.name} {job.run}" not in ran:
            yield f"{job.name} is {job.shown}, and its run {job.run} never ran"
        if sort.is_copied and not told.has_taken(job.name):
            continue  # `cp` syncs nothing: what it wrote may be torn if the cut came before a sync
        if job.shown not in _ends(job, told):
            yield f"{job.name} is {job.shown}: {job.reason}"
        outputs = home.results / folder_of(job.name, job.id) / str(job.run) / "outputs"
        for name, content in sort.outputs.items() if has_ended else ():
            if not (path := outputs / name).is_file() or path.read_bytes() != content:
                yield f"{path.relative_to(home.root)} is not what the run wrote"
    for run in audit.runs(conn):
        if run.manifest_sha256 is not None:
            folder = home.results / folder_of(run.name, run.job) / str(run.number)
            for found in verify(folder, manifest_sha256=run.manifest_sha256):
                yield f"{run.name}/{run.number}/{found.path} {found.text}"


def _sort_of(job: JobLine) -> Sort:
    """Return what a job does: "late", or one of many such, "late-7"."""
    return JOBS[job.name.partition("-")[0]]


def _ends(job: JobLine, told: Told) -> set[Shown]:
    """Return how a job may end; held, when its run was under way and nobody can know its end."""
    if job.id in told.cancelled:
        return {Shown.CANCELLED}
    ends = {_sort_of(job).end, Shown.HELD}
    return ends | {Shown.CANCELLED} if job.name == CANCELLED else ends


def _status_log(home: Home, conn: Connection, told: Told) -> Iterator[str]:
    """What people read stays true, and the log tells the whole history, each line once."""
    history = [render(entry) for entry in look.history_after(conn, 0, -1)]
    for line in told.status:
        if line not in history:
            yield f"status.log told what never was: {line}"
    lines = (home.log / "status.log").read_text(errors="replace").splitlines()
    if lines != history:
        missing = [line for line in history if line not in lines]
        strange = [line for line in lines if line not in history]
        yield f"status.log lacks {missing[:3]}, has beside them {strange[:3]}, or is out of order"


def _run_twice(world: Path) -> Iterator[str]:
    counted = Counter((world / "outside" / "ledger").read_text().splitlines())
    for line, times in counted.items():
        if times > 1:
            yield f"run twice: {line} ({times} times)"
