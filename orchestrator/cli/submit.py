"""`submit` and `validate`: job files, checked as the daemon checks them, and handed over."""

from pathlib import Path

import click

from orchestrator.cli import homes, screen
from orchestrator.cli.checking import Checked, check_file
from orchestrator.cli.fault import Fault
from orchestrator.cli.follow import follow
from orchestrator.cli.setting import config_of
from orchestrator.config import Config, Home
from orchestrator.document import ProblemsError
from orchestrator.log.escape import escape
from orchestrator.spool import DropError, drop_file, drop_folder, is_full

PROBLEMS = 1

_files = click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)


@click.command()
@_files
@click.option("--wait", is_flag=True, help="Wait until each job has ended or is held.")
@homes.with_home
def submit(home: Home, files: tuple[Path, ...], *, wait: bool) -> int:
    """Check job files and hand them to the daemon.

    FILE is a job file (.toml, .yaml, .yml, .json) or a folder with a job.toml and its input files.
    Input files that a job file names relative to itself are copied along. When anything is wrong
    with one of them, all problems are listed and nothing is submitted.

    Prints the id of each job, one a line. Works while the daemon is down. With --wait, the exit
    code is 0 only if all jobs succeeded.

    \b
    orchestrator submit beam.toml
    orchestrator submit --wait case-1/ case-2/
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    checked = _check_all(_config(home), home, files)
    if checked is None:
        screen.note("nothing was submitted")
        return PROBLEMS
    ids = []
    for job in checked:
        id_ = _drop(home, job)
        screen.say(id_)
        ids.append(id_)
    if homes.daemon_of(home) is None:
        screen.note("no daemon runs; the jobs start when it does (`orchestrator serve`)")
    return follow(home, ids) if wait else 0


@click.command()
@_files
def validate(files: tuple[Path, ...]) -> int:
    """Check job files without submitting them.

    Every problem is listed with file, line, column, the key, what was expected and what was found.
    Exit code 1 when there is one.

    \b
    orchestrator validate beam.toml
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    home = homes.chosen_home()
    checked = _check_all(_config(home), home, files)
    for job in checked or ():
        screen.say(f"{escape(str(job.path))}: good, job {job.spec.name} on {job.spec.backend}")
    return PROBLEMS if checked is None else 0


def _config(home: Home) -> Config:
    try:
        return config_of(home)
    except ProblemsError as error:
        raise Fault(f"the configuration has problems:\n{error}") from None


def _check_all(config: Config, home: Home, files: tuple[Path, ...]) -> list[Checked] | None:
    """Check every file; print all problems to stderr and return None when there are any."""
    checked, problems = [], []
    for file in files:
        try:
            checked.append(check_file(config, home, file))
        except ProblemsError as error:
            problems += [str(problem) for problem in error.problems]
        except DropError as error:
            problems.append(escape(str(error)))
    for problem in problems:
        screen.note(problem)
    return None if problems else checked


def _drop(home: Home, job: Checked) -> str:
    try:
        if job.files is None:
            return drop_file(home, job.data, job.stem, job.suffix)
        return drop_folder(home, job.data, job.stem, job.suffix, job.files.items())
    except DropError as error:
        raise Fault(escape(str(error))) from None
    except OSError as error:
        if not is_full(error):
            raise
        where = escape(str(home.spool))
        raise Fault(
            f"{escape(str(job.path))} was not submitted: there is no room for it in {where}"
            f" ({error.strerror}); make room on that disk, then submit it again"
        ) from None
