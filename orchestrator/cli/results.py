"""`results` and `verify`: where results are, and whether they are still what was published."""

import json

import click

from orchestrator.cli import homes, screen
from orchestrator.cli.fault import Fault
from orchestrator.config.home import Home
from orchestrator.log.escape import escape
from orchestrator.store import views
from orchestrator.store.results import folder_of
from orchestrator.store.results import verify as rehash
from orchestrator.store.results.folders import LATEST
from orchestrator.store.views import Published

DAMAGED = 1


@click.command()
@click.argument("name", metavar="JOB")
@click.option("--path", "only_path", is_flag=True, help="Only the folder of the latest run.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@homes.with_home
def results(home: Home, name: str, *, only_path: bool, as_json: bool) -> None:
    """Say where a job's results are.

    \b
    orchestrator results beam
    ls "$(orchestrator results beam --path)/outputs"
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    with homes.queue(home) as conn:
        job = homes.find_job(home, conn, name)
        found = {run.number: run for run in views.runs(conn, job.id) if run.manifest_sha256}
    folder = home.results / folder_of(job.name, job.id)
    if as_json:
        runs = [
            {"run": number, "outcome": run.outcome, "path": str(folder / str(number))}
            for number, run in found.items()
        ]
        screen.say(json.dumps({"job": job.id, "state": job.shown, "runs": runs}, indent=1))
        return
    if not found:
        raise Fault(
            f"{job.id} is {job.shown} and has no results yet; `orchestrator explain {job.id}`"
        )
    if not (folder / LATEST).is_dir():
        raise Fault(f"the results of {job.id} are not there any more: {escape(str(folder))}")
    if only_path:
        screen.say(str(folder / LATEST))
        return
    for number, run in found.items():
        screen.say(f"run {number}, {run.outcome}: {escape(str(folder / str(number)))}")


@click.command()
@click.argument("name", metavar="[JOB]", required=False)
@click.option("--all", "everything", is_flag=True, help="Verify the results of all jobs.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@homes.with_home
def verify(home: Home, name: str | None, *, everything: bool, as_json: bool) -> int:
    """Hash results again and compare them with their manifests.

    Exit code 1 when anything is not as it was published: changed, resized, missing, extra.

    \b
    orchestrator verify beam
    orchestrator verify --all
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    if (name is None) != everything:
        raise click.UsageError("give a JOB, or --all for the results of all jobs")
    with homes.queue(home) as conn:
        job = None if name is None else homes.find_job(home, conn, name).id
        runs = views.published(conn, job)
    found = [finding for run in runs for finding in _damages(home, run)]
    if as_json:
        screen.say(json.dumps({"runs": len(runs), "findings": found}, indent=1))
    else:
        for finding in found:
            screen.say(" ".join(escape(finding[key]) for key in ("run", "path", "text")))
        screen.say(f"{len(runs)} runs verified, {len(found) or 'no'} findings")
    return DAMAGED if found else 0


def _damages(home: Home, run: Published) -> list[dict[str, str]]:
    folder = home.results / folder_of(run.name, run.job) / str(run.number)
    return [
        {"run": str(folder), "path": it.path, "damage": it.damage, "text": it.text}
        for it in rehash(folder, manifest_sha256=run.manifest_sha256)
    ]
