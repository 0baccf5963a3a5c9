"""`orchestrator serve`: everything before the event loop, and what each end means."""

import errno
import faulthandler
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import anyio

from orchestrator import spool
from orchestrator.config import Config, Home, load
from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.daemon.ballast import wait_for_room
from orchestrator.daemon.service import run_service
from orchestrator.document import ProblemsError
from orchestrator.registry import kinds
from orchestrator.store.lock import HomeInUseError, hold
from orchestrator.store.lost import lost_queue
from orchestrator.store.migrate import SchemaError
from orchestrator.store.swap import carry_through

OK, UNSUCCESSFUL, STORAGE_FAILED, HOME_IN_USE, NEEDS_A_PERSON = 0, 1, 74, 75, 78

STORAGE = (FatalStorageError, DiskFullError, OSError)
# What ends by itself, or by somebody making room: then the next start goes well.
PASSING = {
    errno.EIO, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE,
}  # fmt: skip


def serve(home: Home, *, until_idle: bool = False) -> int:
    """Serve a home until SIGTERM, SIGINT or SIGHUP; return the exit code.

    With `until_idle`, also end when nothing can move without a person: 0 if everything that ended
    meanwhile succeeded and nothing is held, 1 otherwise. 74: the disk failed, start again; 75:
    another daemon serves this home; 78: the configuration, the file system or the database needs a
    person. Reasons go to stderr.
    """
    os.umask(0o077)
    faulthandler.enable()  # the watchdog ends a daemon that hangs with SIGABRT: it says where
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # a lease of the spool that a writer broke
    try:
        config = load(home, {name: kind.options for name, kind in kinds().items()})
        wait_for_room(home, _say)
        prepare(home)
        with _held(home):
            for check in (spool.check_file_system(home.root), spool.check_one_file_system(home)):
                if check.level == "refusal":
                    return _refuse(check.text)
            if replaced := carry_through(home):
                _say(f"a restore that was broken off is done; the queue before it is {replaced}")
            if why := lost_queue(home):
                return _refuse(why)
            return _run(home, config, until_idle=until_idle)
    except ProblemsError as error:
        return _refuse(*map(str, error.problems))
    except HomeInUseError as error:
        _say(str(error))
        return HOME_IN_USE
    except OSError as error:
        _say(f"{os.fsdecode(error.filename or home.root)}: {error.strerror}")
        return STORAGE_FAILED if error.errno in PASSING else NEEDS_A_PERSON


@contextmanager
def _held(home: Home) -> Iterator[None]:
    """Hold the home's lock; wait for a command that has it. Raises HomeInUseError for a daemon."""
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(home.lock))
        except HomeInUseError as error:
            if not error.passing:
                raise
            _say(f"{error}; the daemon starts when it ends")
            stack.enter_context(hold(home.lock, wait=True))
        yield


def prepare(home: Home) -> None:
    """Make the folders of a home where they are missing; what is ours alone is closed to others."""
    spool.make_folder(home.root, 0o700)
    spool.prepare(home)
    for folder in (home.results, home.log, home.staging, home.backups, home.backend("")):
        spool.make_folder(folder, 0o700)
    home.state.chmod(0o700)


def _run(home: Home, config: Config, *, until_idle: bool) -> int:
    """Run the event loop; sort what may come out of it."""
    try:
        return anyio.run(partial(run_service, home, config, until_idle=until_idle))
    except Exception as error:
        leaves = list(_leaves(error))
        if all(isinstance(leaf, SchemaError) for leaf in leaves):
            return _refuse(*map(str, leaves))
        if not all(isinstance(leaf, STORAGE) for leaf in leaves):
            raise
        for leaf in leaves:
            _say(f"ended, to start again from what is on disk: {leaf}")
        os._exit(STORAGE_FAILED)  # no clean-up may touch what is not known any more


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _refuse(*reasons: str) -> int:
    for reason in reasons:
        _say(reason)
    return NEEDS_A_PERSON


def _say(text: str) -> None:
    sys.stderr.write(f"orchestrator: {text}\n")
    sys.stderr.flush()
