"""`orchestrator demo`: real jobs through a real daemon, in a throw-away home."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import click

from orchestrator.cli import homes, screen
from orchestrator.cli.demo_cloudhpc import CLOUDHPC
from orchestrator.cli.demo_drmaatic import DRMAATIC
from orchestrator.cli.demo_emulated import THECROSSPRODUCT, emulated
from orchestrator.cli.demo_jobs import LOCAL, Show, write
from orchestrator.cli.demo_sostrades import SOSTRADES
from orchestrator.cli.fault import Fault
from orchestrator.cli.leftovers import end_processes_in, remove
from orchestrator.cli.setup import make_home
from orchestrator.cli.tail import Growing
from orchestrator.config.home import Home
from orchestrator.log.escape import escape
from orchestrator.store import views
from orchestrator.store.results import folder_of, verify
from orchestrator.store.results.folders import LATEST
from orchestrator.store.sqlite import Connection
from orchestrator.store.views import JobLine

SHOWS = {
    "local": LOCAL,
    "thecrossproduct": THECROSSPRODUCT,
    "cloudhpc": CLOUDHPC,
    "drmaatic": DRMAATIC,
    "sostrades": SOSTRADES,
}
LOOK_EVERY = 0.05  # seconds
LONGEST = 60.0
NOT_AS_EXPECTED = 1
ENDS_WITH = 1  # what serve --until-idle says when a job failed, and one is meant to


@click.command()
@click.option(
    "--kind",
    type=click.Choice(list(SHOWS)),
    default="local",
    show_default=True,
    help="The kind of backend; a remote service is stood in for by an emulator.",
)
def demo(kind: str) -> int:
    """Run real jobs through a real daemon in a throw-away home.

    Takes a few seconds. The home stays for you to look at, unless you interrupt the demo. With
    --home it is made where you say, in a new or an empty folder. Exit code 0 only if everything was
    as it should be.

    \b
    orchestrator demo
    orchestrator demo --home /tmp/demo
    orchestrator demo --kind thecrossproduct
    orchestrator demo --kind cloudhpc
    orchestrator demo --kind drmaatic
    orchestrator demo --kind sostrades
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    chosen: Home | None = click.get_current_context().obj
    if chosen is not None and chosen.root.exists() and any(chosen.root.iterdir()):
        raise Fault(f"{escape(str(chosen.root))} is in use; choose a new or an empty folder")
    home = chosen or Home(Path(tempfile.mkdtemp(prefix="orchestrator-demo-")))
    try:
        make_home(home)
        with emulated(kind, home) if kind != "local" else nullcontext():
            return _show(home, SHOWS[kind])
    except KeyboardInterrupt:
        if chosen is None:
            remove(home.root)
        raise


def _show(home: Home, show: Show) -> int:
    began = time.monotonic()
    screen.say(f"A home in {home.root}, made by `orchestrator init`.")
    jobs = home.root / "jobs"
    screen.say(f"{len(show.jobs)} jobs are written to {jobs} and copied into {home.spool}:")
    for job, path in zip(show.jobs, write(jobs, show.jobs), strict=True):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, home.spool / path.name)
        screen.say(f"  cp {path.name:<16}  {job.shows}")
    screen.say("The daemon starts (`orchestrator serve --until-idle`); this is its status.log:\n")
    code = _serve(home, began + LONGEST)
    screen.say()
    with homes.queue(home) as conn:
        faults = [*_report(home, conn, show), *_verified(home, conn, show)]
    if code != ENDS_WITH:
        faults.append(f"the daemon ended with {code}, not with {ENDS_WITH}: one job failed")
    for fault in faults:
        screen.say(f"not as it should be: {fault}")
    screen.say(f"\nResults: {home.results}, {time.monotonic() - began:.0f} s after the start.")
    screen.say(f"Look around: orchestrator status --home {home.root}")
    screen.say(f"Clean up:    chmod -R u+w {home.root} && rm -r {home.root}")
    return NOT_AS_EXPECTED if faults else 0


def _serve(home: Home, until: float) -> int | None:
    """Run the daemon to its end, showing the log meanwhile; None: it took too long."""
    log = Growing(home.log / "status.log")
    with _daemon(home) as daemon:
        while daemon.poll() is None and time.monotonic() < until:
            _print_new(log)
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(LOOK_EVERY)
        _print_new(log)
        return daemon.poll()


def _print_new(log: Growing) -> None:
    for line in log.read():
        screen.say(f"  {line}")


@contextmanager
def _daemon(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon in a session of its own; leave nothing running, however this ends."""
    command = [sys.executable, "-m", "orchestrator", "--home", str(home.root), "serve"]
    with (home.log / "serve.txt").open("wb") as said:
        daemon = subprocess.Popen(
            [*command, "--until-idle"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # ctrl-C is for us: we end it in order
        )
    try:
        yield daemon
    finally:
        if daemon.poll() is None:
            daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(10)
        end_processes_in(home.root)
        daemon.wait()


def _report(home: Home, conn: Connection, show: Show) -> Iterator[str]:
    """Show what became of each job; yield what is not as it should be."""
    ended = {line.name: line for line in views.jobs(conn, "ended")}
    lines = [ended[job.name] for job in show.jobs if job.name in ended]
    rows = [(it.name, it.shown, str(it.run), str(_folder(home, it))) for it in lines]
    screen.table(("JOB", "STATE", "RUNS", "RESULTS"), rows)
    for job in show.jobs:
        line = ended.get(job.name)
        if line is None:
            yield f"{job.name} did not end; see {home.log / 'serve.txt'}"
        elif (line.shown, line.run) != (job.ends, job.runs):
            yield f"{job.name} is {line.shown} after {line.run} runs, not {job.ends}, {job.runs}"
    for job, name in show.files:
        yield from _show_file(home, ended.get(job.name), name)


def _folder(home: Home, line: JobLine) -> Path:
    return home.results / folder_of(line.name, line.id) / LATEST


def _show_file(home: Home, line: JobLine | None, name: str) -> Iterator[str]:
    if line is None:
        return
    path = _folder(home, line) / name
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        yield f"{path}: {error.strerror}"
    else:
        screen.say(f"\n{line.name}, {name}:")
        screen.say(text.rstrip("\n"))


def _verified(home: Home, conn: Connection, show: Show) -> Iterator[str]:
    """Hash all results again; yield every damage, and a missing run."""
    runs = views.published(conn)
    for run in runs:
        folder = home.results / folder_of(run.name, run.job) / str(run.number)
        for damage in verify(folder, manifest_sha256=run.manifest_sha256):
            yield f"{folder}: {damage.path} {damage.text}"
    screen.say(f"\n{len(runs)} runs verified: every file has the SHA-256 of its manifest.")
    if len(runs) != sum(job.runs for job in show.jobs):
        yield f"{len(runs)} runs have results, not {sum(job.runs for job in show.jobs)}"
