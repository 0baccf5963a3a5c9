"""Asking a backend something, at once and beside all jobs: through the daemon, or without one.

A backend's folder, its login and what it may ask of its service are for one process. So a daemon
that runs is asked; without one, the command that asks holds the home's lock as a daemon would.
"""

import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import partial

import anyio
from pydantic import JsonValue

from orchestrator.backend import (
    AuthError,
    Backend,
    BackendError,
    Kind,
    RejectedError,
    TransientError,
    Verb,
)
from orchestrator.config import Config, Home
from orchestrator.core.work import Work
from orchestrator.daemon.calling import NobodyAnswersError, call
from orchestrator.daemon.control import Answer
from orchestrator.daemon.looking import LOOKS, ReadRun, look
from orchestrator.daemon.places import open_backend
from orchestrator.daemon.wire import Question
from orchestrator.engine import Place
from orchestrator.registry import kinds
from orchestrator.spool import make_folder
from orchestrator.store import look as look_up
from orchestrator.store.lock import HomeInUseError, hold
from orchestrator.store.sqlite import connect_reader

EXAMINE = ":examine"
"""Asks for what `Kind.examine` finds; no verb of a service has such a name."""
SLOWEST_LOOK = 30.0  # seconds for `doctor`, at each backend
SLOWEST = 120.0  # seconds; what moves a file may take as long as it moves


def ask(home: Home, config: Config, question: Question, file: int | None = None) -> JsonValue:
    """Return a backend's answer; `file` is an open file where its verb takes one.

    Raises the five errors, and OSError where the home cannot be used.
    """
    try:
        return call(home.control, question, file)
    except NobodyAnswersError:
        pass
    make_folder(home.state, 0o700)
    try:
        with hold(home.lock, command=True):
            return anyio.run(partial(_ask_alone, home, config, question, file))
    except HomeInUseError as error:
        text = f"{error}, and cannot be asked yet; try again in a moment"
        raise TransientError(text, effect="none") from None


async def _ask_alone(home: Home, config: Config, question: Question, file: int | None) -> JsonValue:
    """Open the one backend that is asked, for this question alone."""
    kind_of(config, question.backend)
    try:
        async with open_backend(home, config, question.backend, lambda _: None, set()) as backend:
            read = partial(_read_run, home)
            return await _answer(config, {question.backend: backend}, read, question, file)
    except BackendError:
        raise
    except LookupError as error:  # a secret that cannot be read, from where this command runs
        raise AuthError(str(error.args[0]), effect="none") from None
    except Exception as error:
        raise BackendError(f"internal error: {type(error).__name__}: {error}") from error


async def _read_run(home: Home, run: str) -> Work | None:
    with closing(connect_reader(home.database)) as conn:
        return look_up.running(conn, run)


def answer_from(config: Config, places: Mapping[str, Place], read: ReadRun) -> Answer:
    """Return what answers questions to the open backends of a daemon."""
    return partial(_answer, config, {name: place.backend for name, place in places.items()}, read)


async def _answer(
    config: Config,
    backends: Mapping[str, Backend],
    read: ReadRun,
    question: Question,
    file: int | None,
) -> JsonValue:
    kind = kind_of(config, question.backend)
    backend = backends[question.backend]
    if question.verb in LOOKS:
        run = await read(question.words[0]) if len(question.words) == 1 else None
        if run is not None and run.backend != question.backend:
            run = None
        return await look(question.verb, backend, run, file, config.results.keep_free)
    if question.verb == EXAMINE:
        with _limited(SLOWEST_LOOK):
            found = await kind.examine(backend) if kind.examine is not None else ()
        return [asdict(line) for line in found]
    verb = kind.verbs().get(question.verb)
    if verb is None:
        raise RejectedError(f"{question.backend} has no verb {question.verb}", effect="none")
    _check(verb, question, file)
    with _limited(SLOWEST if file is None else None):
        return await verb.call(backend, *question.words, *([] if file is None else [file]))


def kind_of(config: Config, backend: str) -> Kind:
    """Return the kind of a configured backend. Raises RejectedError when there is none."""
    if backend not in config.backends:
        names = ", ".join(config.backends)
        raise RejectedError(
            f"there is no backend {backend} in the configuration that is in use; there are: {names}"
            " (a daemon reads it when it starts)",
            effect="none",
        )
    return kinds()[config.backends[backend].kind]


def fewest_words(verb: Verb) -> int:
    """Return how many of a verb's words must be given."""
    return sum(not word.startswith("[") for word in verb.words)


def _check(verb: Verb, question: Question, file: int | None) -> None:
    """Refuse what the verb was not made for. Raises RejectedError."""
    given = len(question.words) + (file is not None)
    if not fewest_words(verb) <= given <= len(verb.words):
        wanted = " ".join(verb.words) or "no words"
        raise RejectedError(f"{question.verb} takes {wanted}", effect="none")
    if (file is None) != (verb.file is None):
        raise RejectedError(f"{question.verb} and its file do not fit together", effect="none")
    if file is not None:
        mode = fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE
        closed = os.O_WRONLY if verb.file == "from here" else os.O_RDONLY
        if mode == closed or not stat.S_ISREG(os.fstat(file).st_mode):
            raise RejectedError(f"{question.verb} takes a regular file", effect="none")


@contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
    """Break off a call that takes too long. Raises TransientError."""
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise TransientError("no answer in time") from None
