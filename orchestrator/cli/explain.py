"""`orchestrator explain`: what a job waits for, in words."""

import click

from orchestrator.cli import homes, screen
from orchestrator.cli.explaining import Surroundings, explanation
from orchestrator.cli.setting import budgets, held_back, is_configured, lack_of, room_of
from orchestrator.config.home import Home
from orchestrator.store import views
from orchestrator.store.results.folders import folder_of


@click.command()
@click.argument("name", metavar="JOB")
@homes.with_home
def explain(home: Home, name: str) -> None:
    """Say what a job waits for, and what happens next.

    Which limit holds it, its last error, the next action and when, and what you can do.

    \b
    orchestrator explain beam
    orchestrator explain 7k2
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    with homes.queue(home) as conn:
        job = homes.find_job(home, conn, name)
        now = homes.now_of(conn)
        live, harvesting, sought = views.live(conn, job.backend)
        around = Surroundings(
            daemon=homes.daemon_of(home),
            room=lack_of(home) or room_of(home, job.backend),
            live=live,
            harvesting=harvesting,
            sought=sought,
            ahead=views.ahead(conn, job, now.steady),
            full=homes.full_disk(home),
            held_back=tuple(held_back(home, job.backend)),
            budgets=tuple(budgets(home, job.backend)),
            configured=is_configured(home, job.backend),
            results=str(home.results / folder_of(job.name, job.id)),
        )
        runs = views.runs(conn, job.id)
    screen.facts(explanation(job, runs[-1] if runs else None, around, now))
