"""`backup` and `restore`: a copy of the queue, and a copy in the place of the queue."""

import json
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.cli import homes, screen
from orchestrator.cli.fault import Fault
from orchestrator.cli.setting import config_of
from orchestrator.config.home import Home
from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.daemon.restore import Restored
from orchestrator.daemon.restore import restore as put_back
from orchestrator.document import ProblemsError
from orchestrator.log.escape import escape
from orchestrator.store import migrate
from orchestrator.store.lock import HomeInUseError
from orchestrator.store.sqlite import connect_reader, engine

_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write it. [default: a new file in state/backups]",
)
@_json
@homes.with_home
def backup(home: Home, target: Path | None, *, as_json: bool) -> None:
    """Write a copy of the queue.

    It is checked and synced, and has its name only then. Works while the daemon runs, which goes on
    undisturbed, and while it does not. A file that is there is not overwritten. The copy holds the
    queue: results, dropped files and the configuration are plain files beside it, to be copied with
    whatever copies files.

    \b
    orchestrator backup
    orchestrator backup --to /mnt/nas/queue-monday.db
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = (target or home.backups / f"manual-{stamp}.db").absolute()
    if target.exists():
        raise Fault(f"{escape(str(target))} is there already; name a new file")
    homes.check_present(home)
    if not home.database.exists():
        raise Fault(f"there is no queue in {escape(str(home.root))} yet: no daemon ever ran here")
    try:
        migrate.copy_queue(home.database, target, replace=False)
        with closing(connect_reader(target)) as conn:
            jobs = conn.execute("SELECT count(*) FROM job").fetchone()[0]
    except (migrate.SchemaError, DiskFullError, FatalStorageError, engine.Error) as error:
        raise Fault(f"no copy was made: {escape(str(error))}") from error
    size = target.stat().st_size
    if as_json:
        screen.say(json.dumps({"path": str(target), "jobs": jobs, "bytes": size}))
    else:
        screen.facts([("copy", str(target)), ("jobs", str(jobs)), ("bytes", str(size))])


@click.command()
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@_json
@homes.with_home
def restore(home: Home, source: Path, *, as_json: bool) -> None:
    """Put a copy of the queue in the place of the present one.

    The daemon must be stopped. The present queue is kept beside the copies. Results and drops that
    came after the copy was made are found again in the home. Whatever may have been started since
    is not started again: open runs are looked for at their backends, queued jobs are held, and
    `orchestrator explain` says what you can do.

    \b
    orchestrator restore ~/.local/share/orchestrator/state/backups/queue-20261101T033000Z.db
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    try:
        done = put_back(home, config_of(home), source.absolute())
    except ProblemsError as error:
        raise Fault(f"the configuration has problems:\n{error}") from None
    except HomeInUseError as error:
        raise Fault(f"{error}; stop it first (`orchestrator restore` is for its absence)") from None
    except (migrate.SchemaError, DiskFullError, FatalStorageError) as error:
        raise Fault(f"nothing was restored: {escape(str(error))}") from error
    if as_json:
        told = asdict(done.told)
        replaced = None if done.replaced is None else str(done.replaced)
        facts = {"since": done.since, "jobs": done.jobs, "replaced": replaced}
        screen.say(json.dumps(facts | told, indent=1))
        return
    screen.facts(_facts(done, source))
    for each in done.told.left_out:
        screen.note(f"left out: {escape(each)}")
    screen.note("next: `orchestrator serve`; `orchestrator status` lists what is held")


def _facts(done: Restored, source: Path) -> list[tuple[str, str]]:
    told = done.told
    return [
        ("restored", str(source)),
        ("as it was on", screen.moment(done.since)),
        ("queue before it", "none" if done.replaced is None else str(done.replaced)),
        ("jobs", str(done.jobs)),
        ("accepted since", f"{told.again}, taken in again from their drops"),
        ("results since", f"{told.published}, found in the results"),
        ("looked for", f"{told.sought} runs that had not ended"),
        ("held", f"{told.held} jobs that may have been started since"),
    ]
