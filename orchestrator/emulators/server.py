"""An emulator on a port: in a thread of a test, or as a process of its own."""

import asyncio
import fcntl
import logging
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from orchestrator.emulators import control, storage
from orchestrator.emulators.clock import Clock
from orchestrator.emulators.database import Database
from orchestrator.emulators.dials import Dials
from orchestrator.emulators.faults import ANY_REPLY, STORAGE, Faults
from orchestrator.emulators.front import CONTROL, Front
from orchestrator.emulators.ground import STARTS, Ground, Kind, Service
from orchestrator.emulators.objects import Objects
from orchestrator.emulators.work import Work


@dataclass(frozen=True, slots=True)
class Settings:
    """How an emulator is run: port 0 takes a free one; `step` is in seconds.

    `dials` are those of the kind that shall not stand at their defaults.
    """

    host: str = "127.0.0.1"
    port: int = 0
    faults: Sequence[str] = ()
    seed: int = 0
    step: float = 0.05
    dials: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What whoever started an emulator needs: `facts` is the one JSON line."""

    facts: dict[str, object]
    root: Path
    stop: Callable[[], None]

    @property
    def url(self) -> str:
        """The base URL of the service."""
        return str(self.facts["url"])

    @property
    def control(self) -> str:
        """The URL under which the emulator tells of itself."""
        return str(self.facts["control"])

    @property
    def configuration(self) -> str:
        """The tables of orchestrator.toml that fit."""
        return str(self.facts["configuration"])


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end us by the signal they caught."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def faults_of(kind: Kind, settings: Settings) -> Faults:
    """Return the faults that are switched on. Raises ValueError for an unknown one."""
    faults = Faults((*ANY_REPLY, *STORAGE, *kind.faults), settings.seed)
    faults.put(settings.faults)
    return faults


def dials_of(kind: Kind, settings: Settings) -> Dials:
    """Return the dials as they are set. Raises ValueError for an unknown one, or a bad number."""
    dials = Dials(kind.dials)
    dials.set(settings.dials)
    return dials


async def serve(kind: Kind, root: Path, settings: Settings, ready: Callable[[Told], None]) -> None:
    """Serve until `Told.stop` is called, then end all work.

    Raises ValueError for what was asked wrongly, OSError for a port or folder that cannot be had.
    """
    switched = faults_of(kind, settings), dials_of(kind, settings)
    with _alone(root):
        await _serve(kind, root, settings, switched, ready)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Make the root, and keep other emulators off it."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{root}: another emulator is at work there") from None
        yield


async def _serve(
    kind: Kind,
    root: Path,
    settings: Settings,
    switched: tuple[Faults, Dials],
    ready: Callable[[Told], None],
) -> None:
    listening = socket.create_server((settings.host, settings.port))
    # Connections inherit it; asyncio sets it only where the protocol number was given. Without it
    # every reply takes 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    db = Database(root / "state.db")
    try:
        db.make([STARTS])
        work = Work(root / "work")
        clock = Clock(db)
        objects = Objects(db, root / "objects", clock, kind.dialect)
        ground = Ground(root, db, clock, objects, work, *switched, settings.step)
        service = kind.open(ground)
        front = _front(ground, service)
        config = uvicorn.Config(
            front,
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,  # it is told by the service's own clock
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)

        def stop() -> None:
            server.should_exit = True

        ready(Told(_facts(listening, service), root, stop))
        await server.serve([listening])
        work.kill_all()
    finally:
        listening.close()
        db.close()


def _front(ground: Ground, service: Service) -> Front:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_supervised(service))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    app = Starlette(lifespan=lifespan)
    app.router.redirect_slashes = False
    front = Front(app, ground.faults, ground.root / "calls.log", ground.clock.date)
    app.router.routes.extend(
        # the service's come last: they may end with one for every other path
        [*storage.routes(ground.objects), *control.routes(ground, front, service), *service.routes]
    )
    return front


async def _supervised(service: Service) -> None:
    try:
        await service.run()
    except Exception:
        logging.getLogger("uvicorn.error").exception("the emulator's own work ended")
        raise


def _facts(listening: socket.socket, service: Service) -> dict[str, object]:
    host, port = listening.getsockname()[:2]
    origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return {
        **service.credentials(origin),
        "control": f"{origin}{CONTROL}",
        "configuration": service.configuration(origin),
    }


@contextmanager
def serving(kind: Kind, root: Path, settings: Settings | None = None) -> Iterator[Told]:
    """Serve an emulator in a thread of this process, on a free port unless told otherwise."""
    told: Future[Told] = Future()

    def run() -> None:
        try:
            asyncio.run(serve(kind, root, settings or Settings(), told.set_result))
        except BaseException as error:
            if told.done():
                raise
            told.set_exception(error)

    thread = threading.Thread(target=run, name=f"emulator-{kind.name}")
    thread.start()
    try:
        answer = told.result()
        try:
            yield answer
        finally:
            answer.stop()
    finally:
        thread.join()


async def serve_until_signal(
    kind: Kind, root: Path, settings: Settings, say: Callable[[dict[str, object]], None]
) -> None:
    """Serve in the main thread until SIGTERM or SIGINT; `say` is given the facts when it is up."""
    loop = asyncio.get_running_loop()

    def ready(told: Told) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.stop)
        say(told.facts)

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    await serve(kind, root, settings, ready)
