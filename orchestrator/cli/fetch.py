"""`orchestrator fetch`: what a run has left so far, copied into a folder while it goes on."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
from pydantic import JsonValue, TypeAdapter

from orchestrator.backend import BackendError
from orchestrator.cli import handing, homes, refusals, screen
from orchestrator.cli.fault import Fault
from orchestrator.cli.setting import sound_config
from orchestrator.cli.waiting import bring_to_light
from orchestrator.config.home import Home
from orchestrator.config.room import amount
from orchestrator.core.lifecycle import RunState, Want
from orchestrator.daemon.asking import ask
from orchestrator.daemon.looking import FETCH
from orchestrator.daemon.wire import Question
from orchestrator.engine.glance import Glance
from orchestrator.log.escape import escape
from orchestrator.store import views
from orchestrator.store.views import JobView, RunView

MISSING = 1


@click.command()
@click.argument("name", metavar="JOB")
@click.option(
    "--now", is_flag=True, help="First ask the backend to show what the run has left by now."
)
@click.option(
    "--to",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Copy into this folder, which is new or empty. [default: a new one in this directory]",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@homes.with_home
def fetch(home: Home, name: str, *, now: bool, to: Path | None, as_json: bool) -> int:
    """Copy what a run has left so far, while it goes on.

    This is no result: files may be missing, and others may still be written to. The run goes on,
    and its result comes when it has ended. Each file stands under its name only when it has come
    to its end, whenever you interrupt.

    Exit codes: 1 refused, or a file is missing; 75 not now, try again later; 76 an answer that was
    not understood; 77 no access.

    \b
    orchestrator fetch beam
    orchestrator fetch beam --now --to look
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    with homes.queue(home) as conn:
        job = homes.find_job(home, conn, name)
        run = _live(job, views.runs(conn, job.id))
    config = sound_config(home)

    def asked(verb: str, folder: int | None = None) -> JsonValue:
        return ask(home, config, Question(job.backend, verb, (run.id,)), folder)

    path, moment = to, f"{datetime.now().astimezone():%Y%m%dT%H%M%S}"
    try:
        with handing.folder_to_fill(to, f"{job.name}-partial-{moment}") as (path, folder):
            if now:
                bring_to_light(job.backend, asked)
            found = TypeAdapter(Glance).validate_python(asked(FETCH, folder))
    except BackendError as error:
        said = refusals.told(error, repeatable=True)
        screen.note(f"orchestrator: {job.backend}: {said}")
        _tell_what_came(path)
        return refusals.code(error)
    except KeyboardInterrupt:
        _tell_what_came(path)
        raise
    _tell(job, run, path, found, as_json=as_json)
    return MISSING if found.missing else 0


def _live(job: JobView, runs: Sequence[RunView]) -> RunView:
    """Return the run that is under way. Raises Fault, saying where to look instead."""
    stored = any(run.manifest_sha256 for run in runs)
    where = f"`orchestrator results {job.id}` says where"
    explain = f"`orchestrator explain {job.id}`"
    if job.state.is_final:
        if stored:
            raise Fault(f"{job.id} has ended, and its results are stored: {where}")
        raise Fault(f"{job.id} is {job.shown} and left no results; {explain}")
    run = runs[-1] if runs else None
    if run is not None and run.state is RunState.RUNNING:
        return run
    if run is not None and run.state is RunState.HARVESTING:
        if job.want is Want.HOLD:
            raise Fault(f"the run of {job.id} has ended, and its harvest is held; {explain}")
        raise Fault(f"the run of {job.id} has ended, and its harvest is under way; {explain}")
    earlier = f"; the results of an earlier run are stored: {where}" if stored else ""
    raise Fault(f"{job.id} is {job.shown}: no run of it is under way; {explain}{earlier}")


def _tell_what_came(path: Path | None) -> None:
    """Say where the files are that came before it was broken off, if any did."""
    if path is not None and path.is_dir() and any(path.iterdir()):
        screen.note(f"orchestrator: what came whole is in {escape(str(path))}; it is no result")


def _tell(job: JobView, run: RunView, path: Path, found: Glance, *, as_json: bool) -> None:
    if as_json:
        about = {"job": job.id, "run": run.number, "result": False, "folder": str(path.absolute())}
        screen.say(json.dumps(about | asdict(found), indent=1))
        return
    for note in found.notes:
        how = "" if note.copied else "is missing: "
        screen.note(f"orchestrator: {escape(note.file)}: {how}{escape(note.why)}")
    if not found.early:
        screen.note(f"orchestrator: {job.backend} shows outputs only when a run has ended")
    screen.say(f"{escape(str(path))}: {found.files} files, {amount(found.bytes)}")
    screen.say(
        f"this is no result: it is what run {run.number} of {job.name} had left on {job.backend}"
        " so far; the run goes on"
    )
