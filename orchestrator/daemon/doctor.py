"""Can this machine and this home run jobs? One line for each thing that was looked at.

Looks only; the probe of the spool makes and removes one empty hidden folder.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from orchestrator.backend import BackendError, Diagnosis, Kind
from orchestrator.config import Config, Home, load, resolve_secret
from orchestrator.config.room import LARGEST_SHARE, amount, room_at
from orchestrator.daemon.asking import EXAMINE, ask
from orchestrator.daemon.wire import Question
from orchestrator.document import ProblemsError
from orchestrator.registry import kinds
from orchestrator.spool import Check, check_file_system, check_one_file_system
from orchestrator.store import audit, lock, migrate
from orchestrator.store.home import read_home
from orchestrator.store.lost import lost_queue
from orchestrator.store.sqlite import FIXED, connect_reader, engine

Level = Literal["ok", "warning", "problem"]

_FOUND = TypeAdapter(list[Diagnosis])

OLDEST_PYTHON = (3, 11)
FEWEST_WATCHES = 1024
FEWEST_INSTANCES = 16
LITTLE_SPACE = 1 << 30  # bytes, beside what the configuration keeps free
FEW_FILES = 10_000
A_STEP_BACK = 5.0  # seconds
FIRST_SANE_TIME = 1_735_689_600  # 2025: before it, the clock was never set


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at: how it is, and what to do. Escape before printing."""

    level: Level
    subject: str
    text: str
    advice: str = ""


def examine(home: Home) -> list[Line]:
    """Return a line for everything; later lines leave out what earlier ones say is not there."""
    lines = [_python(), _sqlite(), _clock(), *_inotify()]
    if not home.spool.is_dir():
        text = f"there is none at {home.root}"
        return [*lines, Line("problem", "home", text, "run `orchestrator init`")]
    config, said = _configuration(home)
    lines += [*_file_systems(home), *_permissions(home), said, _space(home, config), _files(home)]
    lines += _queue(home)
    if config is not None:
        lines += [*_backends(home, config), *_secrets(config)]
    return [*lines, _daemon(home)]


def _python() -> Line:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Line("problem", "Python", version, "install Python 3.11 or newer")
    return Line("ok", "Python", version)


def _sqlite() -> Line:
    version = engine.sqlite_version
    text = f"{version}, by {engine.__name__.partition('.')[0]}"
    if engine.sqlite_version_info >= FIXED:
        return Line("ok", "SQLite", text)
    return Line(
        "warning",
        "SQLite",
        f"{text}, can corrupt a queue that two programs write to at once",
        "install the package pysqlite3 beside orchestrator; never open the queue with other tools",
    )


def _clock() -> Line:
    wall = time.time()
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(wall))
    if wall < FIRST_SANE_TIME:
        return Line("problem", "clock", text, "set the clock: deadlines and certificates need it")
    return Line("ok", "clock", text)


def _inotify() -> Iterator[Line]:
    limits = {"max_user_watches": FEWEST_WATCHES, "max_user_instances": FEWEST_INSTANCES}
    for name, fewest in limits.items():
        path = Path("/proc/sys/fs/inotify") / name
        try:
            value = int(path.read_text("ascii"))
        except (OSError, ValueError):
            text = f"{path} cannot be read"
            yield Line("warning", "inotify", text, "drops are noticed by looking every few seconds")
            continue
        if value >= fewest:
            yield Line("ok", "inotify", f"{name} is {value}")
        else:
            advice = f"raise it: sysctl fs.inotify.{name}={fewest}"
            yield Line("warning", "inotify", f"{name} is only {value}", advice)


def _configuration(home: Home) -> tuple[Config | None, Line]:
    try:
        config = load(home, {name: kind.options for name, kind in kinds().items()})
    except ProblemsError as error:
        text = "; ".join(str(problem) for problem in error.problems)
        return None, Line("problem", "configuration", text, f"mend {home.config}")
    if not home.config.exists():
        text = f"there is no {home.config}: every key has its default"
        return config, Line("warning", "configuration", text, "`orchestrator init` writes one")
    return config, Line("ok", "configuration", str(home.config))


def _file_systems(home: Home) -> Iterator[Line]:
    for subject, look in (
        ("file system", lambda: check_file_system(home.root)),
        ("renames", lambda: check_one_file_system(home)),
    ):
        yield _judged(subject, look)


def _judged(subject: str, look: Callable[[], Check]) -> Line:
    try:
        found = look()
    except OSError as error:
        text = f"{error.filename}: {error.strerror}"
        return Line("problem", subject, text, "run `orchestrator init` as the daemon's user")
    level: Level = "problem" if found.level == "refusal" else found.level
    return Line(level, subject, found.text or "suits the queue and the results")


def _permissions(home: Home) -> Iterator[Line]:
    sound = True
    for path in (home.root, home.spool, home.state, home.results, home.log, home.rejected):
        try:
            status = path.stat()
        except OSError as error:
            sound = False
            yield Line("problem", "permissions", f"{path}: {error.strerror}", "`orchestrator init`")
            continue
        if status.st_uid != os.geteuid():
            sound = False
            text = f"{path} belongs to user {status.st_uid}, not to you ({os.geteuid()})"
            yield Line("problem", "permissions", text, "use the home as the user who owns it")
        if status.st_mode & 0o022:
            sound = False
            text = f"others may write to {path}: they could run jobs as you"
            yield Line("problem", "permissions", text, f"chmod go-w {path}")
        if path == home.state and status.st_mode & 0o077:
            sound = False
            yield Line(
                "warning", "permissions", f"others may look into {path}", f"chmod 700 {path}"
            )
    if sound:
        yield Line("ok", "permissions", "the home is yours, and others cannot write to it")


def _space(home: Home, config: Config | None) -> Line:
    room = room_at(home.root, config.results.keep_free if config else 0)
    text = f"{amount(room.free)} are free, {amount(room.kept)} of it are kept free"
    if room.short:
        advice = "make room: new jobs and results wait until there is some"
        return Line("problem", "disk space", text, advice)
    if room.free < room.kept + min(LITTLE_SPACE, room.total // LARGEST_SHARE):
        return Line("warning", "disk space", text, "make room soon")
    return Line("ok", "disk space", text)


def _files(home: Home) -> Line:
    status = os.statvfs(home.root)
    if status.f_files == 0:  # made as they are needed
        return Line("ok", "disk files", "as many as there is space for")
    text = f"{status.f_favail} more files can be made"
    if status.f_favail == 0:
        return Line("problem", "disk files", text, "remove some: everything waits until then")
    if status.f_favail < FEW_FILES:
        return Line("warning", "disk files", text, "remove some soon")
    return Line("ok", "disk files", text)


def _queue(home: Home) -> Iterator[Line]:
    """Read the whole queue once; hold the clock against the daemon's last reading of it."""
    if home.restored.exists():
        text = "a restore was broken off after it was decided"
        yield Line("problem", "queue", text, "`orchestrator serve` ends it")
        return
    if why := lost_queue(home):
        yield Line("problem", "queue", why)
        return
    if not home.database.exists():
        yield Line("ok", "queue", "none yet; the daemon makes it")
        return
    advice = f"stop the daemon, then `orchestrator restore` the newest of {home.backups}"
    try:
        with closing(connect_reader(home.database)) as conn:
            migrate.version(conn)
            damage = audit.damage(conn)
            row = read_home(conn)
    except migrate.SchemaError as error:
        yield Line("problem", "queue", str(error))
        return
    except engine.Error as error:
        yield Line("problem", "queue", f"{home.database}: {error}", advice)
        return
    if damage:
        yield Line("problem", "queue", "; ".join(damage), advice)
    else:
        yield Line("ok", "queue", f"{home.database} is whole")
    if row is not None and (behind := row.anchor.wall - time.time()) > A_STEP_BACK:
        text = f"{behind:.0f} s behind what the daemon has read before"
        yield Line("warning", "clock", text, "set the clock; deadlines would come too late")


def _backends(home: Home, config: Config) -> Iterator[Line]:
    known = kinds()
    for name, configured in config.backends.items():
        kind: Kind = known[configured.kind]
        runs = kind.max_runs(configured.options)
        yield Line("ok", f"backend {name}", f"{kind.summary}; {runs} runs at once")
        if configured.kind == "local" and not os.access("/bin/sh", os.X_OK):
            text = "/bin/sh cannot be run"
            yield Line("problem", f"backend {name}", text, "scripts without a #! line need it")
        if kind.examine is not None:
            yield from _examined(home, config, name)


def _examined(home: Home, config: Config, name: str) -> Iterator[Line]:
    """Have a backend look at its account and service, through the daemon where one runs."""
    subject = f"backend {name}"
    try:
        found = _FOUND.validate_python(ask(home, config, Question(name, EXAMINE)))
    except (BackendError, OSError, ValidationError) as error:
        text = f"it cannot be examined: {error}"
        yield Line("problem", subject, text, "`orchestrator explain JOB` tells of its jobs")
        return
    for line in found:
        yield Line(line.level, subject, line.text, line.advice)


def _secrets(config: Config) -> Iterator[Line]:
    for name, secret in config.secrets.items():
        if secret.credential is not None and "CREDENTIALS_DIRECTORY" not in os.environ:
            text = "is a systemd credential, which only the service can read"
            yield Line("ok", f"secret {name}", text)
            continue
        try:
            resolve_secret(config, name)
        except LookupError as error:
            yield Line("problem", f"secret {name}", str(error.args[0]), "jobs that need it fail")
        else:
            yield Line("ok", f"secret {name}", "can be read")


def _daemon(home: Home) -> Line:
    try:
        process = lock.holder(home.lock)
    except OSError as error:
        return Line(
            "problem", "daemon", f"{home.lock}: {error.strerror}", "use the owner's account"
        )
    if process is None:
        return Line("warning", "daemon", "none serves this home", "`orchestrator serve` starts it")
    return Line("ok", "daemon", f"process {process} serves this home")
