"""`orchestrator status`: the jobs in a list, or one job in full."""

import json
from dataclasses import asdict
from typing import Any

import click

from orchestrator.cli import homes, screen
from orchestrator.config.home import Home
from orchestrator.core.lifecycle import RunState
from orchestrator.store import views
from orchestrator.store.results.folders import folder_of
from orchestrator.store.sqlite import Connection
from orchestrator.store.views import JobLine, JobView, RunView

RECENT = 10
MOST = 100  # unfinished jobs on one screen; a queue may hold many thousands


@click.command()
@click.argument("name", metavar="[JOB]", required=False)
@click.option("--all", "everything", is_flag=True, help="All jobs, however many and however old.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@homes.with_home
def status(home: Home, name: str | None, *, everything: bool, as_json: bool) -> None:
    """Show the jobs, or one job in full.

    The list has all unfinished jobs (at most 100) and the 10 that were accepted last among those
    that have ended.

    \b
    orchestrator status
    orchestrator status beam
    orchestrator status --all --json | jq '.jobs[].id'
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    with homes.queue(home) as conn:
        if name is None:
            _list(home, conn, everything=everything, as_json=as_json)
        else:
            job = homes.find_job(home, conn, name)
            _one(home, job, views.runs(conn, job.id), as_json=as_json)


def _list(home: Home, conn: Connection, *, everything: bool, as_json: bool) -> None:
    most, recent = (views.NO_LIMIT, views.NO_LIMIT) if everything else (MOST, RECENT)
    lines = views.jobs(conn, "ended", recent) + views.jobs(conn, "unfinished", most)
    counts, ended = views.counts(conn)
    daemon, dropped = homes.daemon_of(home), len(homes.drops(home))
    if as_json:
        answer = {
            "daemon": daemon,
            "dropped": dropped,
            "unfinished": counts,
            "ended": ended,
            "jobs": [asdict(line) for line in lines],
        }
        screen.say(json.dumps(answer, indent=1))
        return
    heads = ("ID", "NAME", "BACKEND", "STATE", "RUN", "SINCE", "REASON")
    screen.table(heads, [_row(line) for line in lines])
    summed = [f"{number} {shown.lower()}" for shown, number in sorted(counts.items())]
    summed += [f"{ended} ended"] if ended else []
    screen.note(", ".join(summed) or "no jobs yet")
    hidden = sum(counts.values()) + ended - len(lines)
    if hidden:
        screen.note(f"{hidden} of them are not listed; --all lists them")
    _tell_waiting(home, dropped)
    if daemon is None:
        screen.note("no daemon runs; `orchestrator serve` starts it")


def _tell_waiting(home: Home, dropped: int) -> None:
    """Say what lies in the spool, and what the disk has to do with it."""
    if dropped:
        from orchestrator.cli.setting import lack_of  # noqa: PLC0415 - slow, and seldom needed

        lack = lack_of(home)
        why = f"; new jobs wait for {lack}" if lack else ""
        screen.note(f"{dropped} dropped, not accepted yet{why}")
    if full := homes.full_disk(home):
        screen.note(full)


def _row(line: JobLine) -> tuple[str, ...]:
    run = f"{line.run}/{line.allowed}" if line.allowed > 1 else str(line.run)
    since = screen.moment(line.changed_at)
    return (line.id, line.name, line.backend, line.shown, run, since, line.reason)


def _one(home: Home, job: JobView, runs: list[RunView], *, as_json: bool) -> None:
    results = home.results / folder_of(job.name, job.id)
    if as_json:
        answer: dict[str, Any] = asdict(job) | {
            "runs": [asdict(run) for run in runs],
            "results": str(results) if results.is_dir() else None,
        }
        screen.say(json.dumps(answer, indent=1))
        return
    screen.facts(_facts(job))
    if results.is_dir():
        screen.facts([("results ", str(results))])
    if runs:
        screen.say()
    heads = ("RUN", "BEGAN", "TOOK", "REMOTE ID", "STATE", "EXIT", "REASON")
    screen.table(heads, [_run_row(run) for run in runs])
    if not job.state.is_final:
        from orchestrator.cli.setting import is_configured  # noqa: PLC0415 - slow, seldom needed

        if not is_configured(home, job.backend):
            screen.note(f"no backend {job.backend} is configured any more: put it back")
        screen.note(f"`orchestrator explain {job.id}` tells what it waits for")


def _facts(job: JobView) -> list[tuple[str, str]]:
    since = f"{job.shown} since {screen.moment(job.changed_at)}"
    waits_for = job.waits_for or job.in_line_for
    facts = [
        ("job", f"{job.name} ({job.id})"),
        ("state", since),
        ("reason", job.hold_reason or job.reason),
        *([] if waits_for is None else [("waits for", waits_for)]),
        *([] if job.lease is None else [("needs", f"{job.lease}, to itself")]),
        ("backend", job.backend),
        ("runs", f"{job.runs} of {job.allowed} allowed"),
        ("accepted", f"{screen.moment(job.accepted_at)}, dropped as {job.dropped_as}"),
    ]
    if job.deadline is not None:
        facts.append(("deadline", screen.moment(job.deadline)))
    if job.spec.get("tags"):
        facts.append(("tags", ", ".join(job.spec["tags"])))
    return facts


def _run_row(run: RunView) -> tuple[str, ...]:
    ended = run.state is RunState.ENDED and run.ended_at is not None
    return (
        str(run.number),
        screen.moment(run.created_at),
        screen.span(run.ended_at - run.created_at) if ended and run.ended_at is not None else "-",
        run.remote_id or "-",
        run.outcome if ended and run.outcome is not None else run.state,
        "-" if run.exit_code is None else str(run.exit_code),
        run.last_error or run.reason,
    )
