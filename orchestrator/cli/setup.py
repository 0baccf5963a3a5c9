"""`init`, `serve`, `schema`: what comes before the first job."""

import json
import os
from importlib.resources import files
from pathlib import Path

import click

import orchestrator
from orchestrator.cli import homes, screen
from orchestrator.cli.fault import Fault
from orchestrator.cli.setting import config_of
from orchestrator.config import Home, config_schema
from orchestrator.daemon import serve as daemon
from orchestrator.document import ProblemsError, job_schema
from orchestrator.log.escape import escape
from orchestrator.registry import kinds


class NoHomeToServeError(Fault):
    """Its exit code keeps systemd from trying again and again."""

    exit_code = daemon.NEEDS_A_PERSON


@click.command()
def init() -> None:
    """Make a home: its folders and a commented configuration file.

    What is there already is left as it is.

    \b
    orchestrator init
    orchestrator init --home /data/orchestrator
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    home = homes.chosen_home()
    make_home(home)
    screen.facts(
        [
            ("home", str(home.root)),
            ("configuration", str(home.config)),
            ("drop jobs into", str(home.spool)),
            ("results come to", str(home.results)),
        ]
    )
    screen.note("next: `orchestrator serve` runs the daemon")


def make_home(home: Home) -> None:
    """Make what a home lacks. Raises Fault for a folder that holds other things."""
    if home.root.exists() and not home.spool.exists() and any(home.root.iterdir()):
        where = escape(str(home.root))
        raise Fault(f"{where} holds other things; choose a new or an empty folder for the home")
    daemon.prepare(home)
    try:
        with home.config.open("xb") as file:
            file.write(_commented_config())
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return


def _commented_config() -> bytes:
    """Return config/orchestrator.toml, from the installed package or from a source tree."""
    packaged = files(orchestrator).joinpath("_config", "orchestrator.toml")
    if packaged.is_file():
        return packaged.read_bytes()
    source = Path(orchestrator.__file__).parents[1] / "config" / "orchestrator.toml"
    return source.read_bytes()


@click.command()
@click.option("--until-idle", is_flag=True, help="End when nothing can move without a person.")
def serve(*, until_idle: bool) -> int:
    """Run the daemon in the foreground.

    SIGTERM or ctrl-C ends it in order; local runs go on, and are taken up again at the next start.
    Exit codes: 0; with --until-idle 1 when a job did not succeed or is held; 74 the disk failed; 75
    another daemon serves this home; 78 the configuration or the database needs a person.

    \b
    orchestrator serve
    orchestrator serve --until-idle
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    try:
        home = homes.existing(homes.chosen_home())
    except Fault as fault:
        raise NoHomeToServeError(fault.message) from None
    return daemon.serve(home, until_idle=until_idle)


@click.command()
@click.argument("what", type=click.Choice(["job", "config"]))
def schema(what: str) -> None:
    """Print a JSON Schema, so that editors can check and complete.

    `job` knows the backends of this home's configuration.

    \b
    orchestrator schema job > job.schema.json
    orchestrator schema config > orchestrator.schema.json
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    known = kinds()
    if what == "config":
        tree = config_schema({name: kind.options for name, kind in known.items()})
    else:
        try:
            backends = config_of(homes.chosen_home()).backends
        except ProblemsError as error:
            raise Fault(f"the configuration has problems:\n{error}") from None
        tree = job_schema({name: known[backend.kind].run for name, backend in backends.items()})
    screen.say(json.dumps(tree, indent=2))
