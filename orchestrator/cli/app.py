"""The list of commands.

A command's module is imported when that command is run, and no sooner: `orchestrator --help` and a
quick `status` must not wait for what only the daemon needs.
"""

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import click

from orchestrator import __version__
from orchestrator.config.home import Home


class Entry(NamedTuple):
    """Where a command lives, and what the list of commands says of it."""

    module: str
    summary: str


COMMANDS = {
    "init": Entry("setup", "Make a home: its folders and a commented configuration file."),
    "serve": Entry("setup", "Run the daemon in the foreground."),
    "submit": Entry("submit", "Check job files and hand them to the daemon."),
    "validate": Entry("submit", "Check job files without submitting them."),
    "status": Entry("status", "Show the jobs, or one job in full."),
    "explain": Entry("explain", "Say what a job waits for, and what happens next."),
    "tail": Entry("tail", "Show the last lines of the status log, and follow it."),
    "cancel": Entry("ask", "Stop jobs, or take them out of the queue."),
    "hold": Entry("ask", "Leave jobs alone until they are released."),
    "release": Entry("ask", "Let held jobs go on."),
    "retry": Entry("ask", "Give jobs that ended badly, or are held, another run."),
    "adopt": Entry("ask", "Name the run of a job whose outcome could not be told."),
    "results": Entry("results", "Say where a job's results are."),
    "fetch": Entry("fetch", "Copy what a run has left so far, while it goes on."),
    "verify": Entry("results", "Hash results again and compare them with their manifests."),
    "backends": Entry(
        "backends",
        "Show the backends: what they are, how busy, their calls, what holds them back.",
    ),
    "remote": Entry("remote", "Ask a service something beside running jobs."),
    "backup": Entry("backups", "Write a copy of the queue."),
    "restore": Entry("backups", "Put a copy of the queue in the place of the present one."),
    "fsck": Entry("checks", "Check that folders, queue and results agree."),
    "doctor": Entry("checks", "Check this machine and home for what keeps jobs from running."),
    "schema": Entry("setup", "Print a JSON Schema, so that editors can check and complete."),
    "emulate": Entry("emulate", "Stand in for a remote service, until it is stopped."),
    "demo": Entry("demo", "Run real jobs through a real daemon in a throw-away home."),
}


def _choose_home(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.obj = Home(value.absolute())


HOME_OPTION = click.Option(
    ["--home"],
    type=click.Path(path_type=Path),
    metavar="DIR",
    expose_value=False,
    callback=_choose_home,
    help="The home to work with. [default: $ORCHESTRATOR_HOME, else ~/.local/share/orchestrator]",
)


class Commands(click.Group):
    """Knows all commands by name, and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; every command takes --home too, wherever it is written."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"orchestrator.cli.{COMMANDS[cmd_name].module}")
        command: click.Command = getattr(module, cmd_name)
        if HOME_OPTION not in command.params:
            command.params.append(HOME_OPTION)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(
    cls=Commands,
    params=[HOME_OPTION],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def app() -> None:
    """Drop a job file into a folder; get a folder of verified results.

    \b
    orchestrator demo             see it work, in a throw-away home
    orchestrator init             make a home
    orchestrator serve            run the daemon
    orchestrator submit job.toml  hand it a job
    orchestrator tail -f          watch it work

    JOB is a job's id, the beginning of its id (3 letters or more), or its name. Where several jobs
    have the name, commands that look take the latest, and commands that change something take the
    unfinished one.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
