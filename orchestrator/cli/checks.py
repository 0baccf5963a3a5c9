"""`fsck` and `doctor`: does what is stored agree, and can this machine run jobs."""

import json
from dataclasses import asdict

import click

from orchestrator.cli import homes, screen
from orchestrator.config.home import Home
from orchestrator.daemon import doctor as examination
from orchestrator.daemon.fsck import CHECKS, inspect
from orchestrator.log.escape import escape

FOUND = 1
COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@homes.with_home
def fsck(home: Home, *, as_json: bool) -> int:
    """Check that folders, queue and results agree.

    Looks at everything and changes nothing. Exit code 1 when something does not agree. Result files
    are not hashed here: `orchestrator verify --all` does that.

    \b
    orchestrator fsck
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    with homes.queue(home) as conn:
        findings = inspect(home, conn, is_served=homes.daemon_of(home) is not None)
    if as_json:
        screen.say(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            screen.say(f"{finding.check}: {escape(finding.text)}")
            screen.say(f"    {CHECKS[finding.check].why}")
        screen.say(f"{len(CHECKS)} checks, {len(findings) or 'no'} findings")
    return FOUND if findings else 0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(*, as_json: bool) -> int:
    """Check this machine and home for what keeps jobs from running.

    One line for each thing that was looked at: ok, warning or problem, and what to do about it.
    Exit code 1 when there is a problem.

    \b
    orchestrator doctor
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    lines = examination.examine(homes.chosen_home())
    if as_json:
        screen.say(json.dumps([asdict(line) for line in lines], indent=1))
    for line in [] if as_json else lines:
        level = screen.coloured(f"{line.level:<7}", COLOURS[line.level])
        advice = f" → {escape(line.advice)}" if line.advice else ""
        screen.say(f"{level}  {line.subject:<14}  {escape(line.text)}{advice}")
    return FOUND if any(line.level == "problem" for line in lines) else 0
