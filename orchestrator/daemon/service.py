"""The running service: what is opened, in which order, and the tasks that live side by side."""

import logging
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

import anyio
import structlog
from anyio.to_thread import run_sync

from orchestrator.config import Config, Home
from orchestrator.config.room import room_at
from orchestrator.core.faults import DiskFullError
from orchestrator.core.ids import HOME_LENGTH, ID_LENGTH, id_from_bits
from orchestrator.core.now import Now
from orchestrator.daemon import control
from orchestrator.daemon.asking import answer_from
from orchestrator.daemon.ballast import watch_room
from orchestrator.daemon.clock import read_anchor, start_clock
from orchestrator.daemon.entry import QueueOf, lease_with, read_with, rules_of
from orchestrator.daemon.heart import Heart
from orchestrator.daemon.idle import wait_until_idle
from orchestrator.daemon.notify import StillStarting, notify
from orchestrator.daemon.places import open_places
from orchestrator.daemon.projection import Projection
from orchestrator.daemon.signals import wait_for_signal
from orchestrator.daemon.tidy import clear_staging
from orchestrator.engine import Engine, Tools
from orchestrator.intake import Intake, Report
from orchestrator.log import logging_to
from orchestrator.store import look
from orchestrator.store.database import Database, checkpoint, open_database
from orchestrator.store.home import HomeRow, found_home, save_pulse
from orchestrator.upkeep import run_upkeep


async def run_service(home: Home, config: Config, *, until_idle: bool) -> int:
    """Run until a signal comes or, if asked, until nothing can move; return the exit code.

    The home's lock is held by the caller. Raises FatalStorageError and migrate.SchemaError, in an
    exception group or alone.
    """
    known_secrets: set[str] = set()
    room = partial(room_at, home.root, config.results.keep_free)
    with logging_to(
        home.log / "orchestrator.jsonl",
        secrets=lambda: known_secrets,
        level=logging.getLevelNamesMapping()[config.log.level.upper()],
        size=config.log.largest,
        keep=config.log.keep,
    ):
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(open_database(home.database, home.backups))
            row = await db.write(found_home, _random_id(HOME_LENGTH), read_anchor(0.0))
            now = start_clock(row.anchor)
            await _trust_what_is_read(db, row, now)
            hints = _Hints()
            places = await stack.enter_async_context(
                open_places(home, config, hints.tell, known_secrets)
            )
            await clear_staging(home, db)
            tools = Tools(
                home=home,
                home_id=row.id,
                db=db,
                places=places,
                now=now,
                in_thread=run_sync,
                new_id=lambda: _random_id(ID_LENGTH),
                log=structlog.get_logger(),
                keep_free=room().kept,
                lacks=lambda: room().short,
            )
            engine = Engine(tools)
            hints.listener = engine.hint
            intake = Intake(
                home,
                QueueOf(db, now),
                read_with(config),
                rules_of(config),
                lease_of=lease_with(config),
                lacks=tools.lacks,
            )
            projection = await Projection.open(db, home.log / "status.log", row, config.log)
            heart = Heart(db, now, engine, projection)
            db.on_commit = [engine.poke, projection.poke, StillStarting().tell]
            first_entry = await db.read(look.last_history)
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(wait_for_signal, tools, group.cancel_scope)
                    # What a crash left claimed is finished before anything relies on its files.
                    _tell(tools, await intake.scan_once())
                    group.start_soon(engine.run)
                    group.start_soon(intake.run, lambda report: _tell(tools, report))
                    group.start_soon(projection.run)
                    group.start_soon(heart.run)
                    answer = answer_from(config, places, lambda run: db.read(look.running, run))
                    await group.start(control.serve, home.control, answer, tools.log)
                    group.start_soon(watch_room, home, room, tools.log, engine.poke)
                    group.start_soon(_upkeep(home, config, tools))
                    tools.log.info("ready", home=str(home.root), backends=sorted(places))
                    db.on_commit.pop()
                    status = f"STATUS=serving {home.root}"
                    await run_sync(partial(notify, "READY=1", status, wait=True))
                    if until_idle:
                        await wait_until_idle(tools, intake)
                        group.cancel_scope.cancel()
            finally:
                notify("STOPPING=1")
                with anyio.CancelScope(shield=True):
                    await projection.flush()
                    await heart.beat()
                    with suppress(DiskFullError):  # then the next start writes it back
                        await db.read(checkpoint)
            unsuccessful = await db.read(look.unsuccessful_since, first_entry)
            tools.log.info("stopped")
    return 1 if until_idle and unsuccessful else 0


async def _trust_what_is_read(db: Database, row: HomeRow, now: Callable[[], Now]) -> None:
    """Commit once before anything is acted on.

    A daemon that was killed in the middle of a commit may have left it in the queue without having
    synced it: it can be read, and a power cut would still take it. This commit brings it along.
    """
    with suppress(DiskFullError):  # no reason not to start: much goes on without room
        await db.write(save_pulse, read_anchor(now().steady), row.status_cursor)


def _upkeep(home: Home, config: Config, tools: Tools) -> Callable[[], Coroutine[Any, Any, None]]:
    chores = config.upkeep
    return partial(
        run_upkeep,
        db=tools.db,
        home=home,
        log=tools.log,
        now=tools.now,
        backup=chores.backup,
        keep_backups=chores.keep_backups,
        check=chores.check,
        keep_free=tools.keep_free,
    )


class _Hints:
    """Backends are opened before the engine that listens to them."""

    def __init__(self) -> None:
        self.listener: Callable[[str], None] | None = None

    def tell(self, key: str) -> None:
        if self.listener is not None:
            self.listener(key)


def _tell(tools: Tools, report: Report) -> None:
    """Log what intake came to; what became of each job is told by its history."""
    for rejection in report.rejected:
        tools.log.warning("rejected", name=rejection.name, reason=rejection.reason)
    for request in report.requests:
        tools.log.info("request", request=request.id, verb=str(request.verb), job=request.job)
    if report.full:
        tools.tell_full("drops wait: the disk is full", "they are safe where they are")
    for deferred in report.deferred:
        tools.log.debug("not taken yet", name=deferred.name, why=deferred.why)


def _random_id(length: int) -> str:
    return id_from_bits(secrets.randbits(5 * length), length)
