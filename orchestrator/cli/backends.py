"""`orchestrator backends`: each configured backend, how busy it is, and what holds it back."""

import json

import click
from pydantic import JsonValue

from orchestrator.cli import answers, homes, screen
from orchestrator.cli.fault import Fault
from orchestrator.cli.setting import budgets, config_of, held_back
from orchestrator.config.home import Home
from orchestrator.document import ProblemsError
from orchestrator.log.escape import escape
from orchestrator.registry import kinds
from orchestrator.store import views


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@homes.with_home
def backends(home: Home, *, as_json: bool) -> None:
    """Show the backends: what they are, how busy, their calls, what holds them back.

    \b
    orchestrator backends
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    try:
        config = config_of(home)
    except ProblemsError as error:
        raise Fault("\n".join(escape(str(problem)) for problem in error.problems)) from None
    rows: list[JsonValue] = []
    with homes.queue(home) as conn:
        for name, configured in config.backends.items():
            kind = kinds()[configured.kind]
            account, held = budgets(home, name), held_back(home, name)
            rows.append(
                {
                    "backend": name,
                    "kind": kind.name,
                    "live": views.live(conn, name)[0],
                    "at_most": kind.max_runs(configured.options),
                    "queued": views.queued(conn, name),
                    "summary": kind.summary,
                    "account": [*account] if as_json else "; ".join(account) or None,
                    "held_back": [*held] if as_json else "; ".join(held) or None,
                }
            )
    if as_json:
        screen.say(json.dumps(rows, indent=1))
    else:
        answers.show(rows)
