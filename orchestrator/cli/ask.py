"""`cancel`, `hold`, `release`, `retry`, `adopt`: a request through the spool, what came of it."""

import time
from collections.abc import Sequence
from typing import Any

import click

from orchestrator.cli import homes, screen
from orchestrator.cli.fault import Fault
from orchestrator.config.home import Home
from orchestrator.core.ids import REMOTE_ID_FORM, is_remote_id
from orchestrator.core.intake import Verb
from orchestrator.log.escape import escape
from orchestrator.spool import drop_request, is_full
from orchestrator.store import views
from orchestrator.store.resolve import resolve

PATIENCE = 5.0  # seconds in which a daemon that runs has surely looked into the spool
LOOK_EVERY = 0.05
REFUSED = 1

_jobs = click.argument("names", metavar="JOB...", nargs=-1, required=True)


@click.command()
@_jobs
@homes.with_home
def cancel(home: Home, names: tuple[str, ...]) -> int:
    """Stop jobs, or take them out of the queue.

    What a run has written until then is kept in the results.

    \b
    orchestrator cancel beam
    orchestrator cancel 7k2 9mq
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    return _ask(home, Verb.CANCEL, names)


@click.command()
@_jobs
@homes.with_home
def hold(home: Home, names: tuple[str, ...]) -> int:
    """Leave jobs alone until they are released.

    A queued job does not start. A run that is under way goes on, but nobody looks at it.

    \b
    orchestrator hold beam
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    return _ask(home, Verb.HOLD, names)


@click.command()
@_jobs
@homes.with_home
def release(home: Home, names: tuple[str, ...]) -> int:
    """Let held jobs go on.

    \b
    orchestrator release beam
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    return _ask(home, Verb.RELEASE, names)


@click.command()
@_jobs
@click.option(
    "--i-checked",
    "confirmed",
    is_flag=True,
    help="I have looked at the backend: the run whose outcome is unknown is not there.",
)
@homes.with_home
def retry(home: Home, names: tuple[str, ...], *, confirmed: bool) -> int:
    """Give jobs that ended badly, or are held, another run.

    Input files outside the dropped folder are taken as they are now.

    \b
    orchestrator retry beam
    orchestrator retry --i-checked 7k2
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    return _ask(home, Verb.RETRY, names, confirmed=confirmed)


@click.command()
@click.argument("name", metavar="JOB")
@click.argument("remote_id", metavar="REMOTE_ID")
@homes.with_home
def adopt(home: Home, name: str, remote_id: str) -> int:
    """Name the run of a job whose outcome could not be told.

    REMOTE_ID is what the backend calls the run that you found there. The job goes on with it as if
    it had been found by itself; `orchestrator explain JOB` says what to look for.

    \b
    orchestrator adopt beam 4711
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    if not is_remote_id(remote_id):
        raise Fault(f"REMOTE_ID {escape(remote_id)}: {REMOTE_ID_FORM}")
    return _ask(home, Verb.ADOPT, [name], remote_id=remote_id)


def _ask(home: Home, verb: Verb, names: Sequence[str], **more: Any) -> int:
    """Drop a request for each job; say what came of each. All names are understood first."""
    jobs = [_meant(home, name) for name in names]
    asked = {_drop(home, verb, job, **more): job for job in jobs}
    daemon = homes.daemon_of(home)
    answers = {} if daemon is None else _answers(home, list(asked))
    refused = False
    for request, job in asked.items():
        if request not in answers:
            screen.say(f"{job}: {verb} is in the spool; {_later(daemon)}")
        elif (why := answers[request]) is None:
            screen.say(f"{job}: {verb} done")
        else:
            refused = True
            screen.say(f"{job}: {verb} refused: {escape(why)}")
    return REFUSED if refused else 0


def _drop(home: Home, verb: Verb, job: str, **more: Any) -> str:
    """Put one request into the spool. Raises Fault when there is no room for it."""
    try:
        return drop_request(home, verb, job, **more)
    except OSError as error:
        if not is_full(error):
            raise
        raise Fault(
            f"{job}: {verb} could not be asked: there is no room in {escape(str(home.spool))}"
            f" ({error.strerror}); a daemon that runs makes a little within seconds: try again"
        ) from None


def _later(daemon: int | None) -> str:
    if daemon is None:
        return "it will be done when the daemon runs (`orchestrator serve`)"
    return f"the daemon (process {daemon}) has not answered yet, but it will"


def _meant(home: Home, name: str) -> str:
    """Return the id of the job that is meant, or the word itself if it may be in the spool still.

    Raises Fault when nothing or several may be meant.
    """
    with homes.queue(home) as conn:
        ids = resolve(conn, name, unfinished_first=True)
        if not ids and not homes.is_dropped(home, name):
            raise homes.unknown(home, conn, name)
    return homes.one_of(ids, name) if ids else name


def _answers(home: Home, requests: Sequence[str]) -> dict[str, str | None]:
    """Wait a little for the daemon; return the answers that have come: None, or why not."""
    answers: dict[str, str | None] = {}
    until = time.monotonic() + PATIENCE
    while len(answers) < len(requests) and time.monotonic() < until:
        with homes.queue(home) as conn:
            for request in requests:
                done, refused = views.request_answer(conn, request)
                if done:
                    answers[request] = refused
        if len(answers) < len(requests):
            time.sleep(LOOK_EVERY)
    return answers
