"""The daemon's end of the socket to the supervisor, which is started when nobody answers."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketStream, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from orchestrator.backend import ProtocolError, RejectedError, TransientError
from orchestrator.backends import supervisor

ANSWER_SECONDS = 30.0  # the supervisor waits for nothing but the disk
START_SECONDS = 20.0
LONGEST_LINE = 16 * 1024 * 1024  # bytes

_ENDS = (
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.IncompleteRead,
    anyio.DelimiterNotFound,
    ValueError,
)


def supervisor_command(directory: str) -> list[str]:
    """Return the command that makes sure that a supervisor listens in a folder."""
    main = Path(supervisor.__file__).with_name("__main__.py")
    return [sys.executable, "-I", "-S", "-X", "utf8", str(main), directory]


class _Slot:
    """Where the answer to one request will be."""

    def __init__(self) -> None:
        self.come = anyio.Event()
        self.answer: dict[str, Any] | None = None


class _Wire:
    """One connection. Requests in it are served in the order they were sent."""

    def __init__(self, stream: SocketStream) -> None:
        self.stream = stream
        self.open = True
        self.reading = anyio.CancelScope()
        self.slots: dict[int, _Slot] = {}
        self.sending = anyio.Lock()


class Link:
    """Asks the supervisor of one folder.

    `hint(key)` is called when a run ended; when the connection is lost, for all that are watched.
    """

    def __init__(self, directory: int, tasks: TaskGroup, hint: Callable[[str], None]) -> None:
        # Through the descriptor: a socket's path is limited to 108 bytes, a home's is not.
        self._directory = f"/proc/self/fd/{directory}"
        self._tasks = tasks
        self._hint = hint
        self._watched: set[str] = set()
        self._wire: _Wire | None = None
        self._connecting = anyio.Lock()
        self._numbers = itertools.count(1)

    async def ask(self, op: str, **fields: object) -> Any:
        """Return the supervisor's answer.

        Raises TransientError, with effect "none" when the request was not sent or had no effect;
        RejectedError when it is too long to be sent.
        """
        async with self._connecting:
            if self._wire is None or not self._wire.open:
                self._wire = await self._connect()
            wire = self._wire
        return await self._ask(wire, {"op": op, **fields})

    def watch(self, keys: Iterable[str]) -> None:
        """Have a hint for these runs also when their supervisor dies."""
        self._watched.update(keys)

    def _ended(self, key: str) -> None:
        self._watched.discard(key)
        self._hint(key)

    async def _connect(self) -> _Wire:
        """Connect, greet, and so shut out whatever an earlier connection still holds."""
        path = f"{self._directory}/supervisor.sock"
        try:
            try:
                stream = await anyio.connect_unix(path)
            except (FileNotFoundError, ConnectionRefusedError):
                await anyio.to_thread.run_sync(self._start_supervisor)
                stream = await anyio.connect_unix(path)
        except (OSError, subprocess.SubprocessError) as error:
            raise TransientError(
                f"the supervisor of local runs cannot be reached: {error}", effect="none"
            ) from None
        wire = _Wire(stream)
        self._tasks.start_soon(self._read, wire)
        try:
            hello = await self._ask(wire, {"op": "hello"})
        except BaseException:
            self._close(wire)
            raise
        if hello["version"] != supervisor.VERSION:
            self._close(wire)
            raise TransientError(
                "the supervisor that keeps the local runs is of another version of this program;"
                f" it leaves when they have ended, or when process {hello['pid']} is killed,"
                " which loses their exit statuses",
                effect="none",
            )
        return wire

    def _start_supervisor(self) -> None:
        # It gets none of our environment but what finds the interpreter's own libraries.
        env = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        done = subprocess.run(
            supervisor_command(os.readlink(self._directory)),
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise OSError(done.stderr.decode(errors="replace").strip()[-500:])

    async def _ask(self, wire: _Wire, request: Mapping[str, object]) -> Any:
        number, slot = next(self._numbers), _Slot()
        wire.slots[number] = slot
        line = json.dumps({"id": number, **request}).encode() + b"\n"
        if len(line) > LONGEST_LINE:
            raise RejectedError("the command and its environment are too long", effect="none")
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                await self._send(wire, line)
                await slot.come.wait()
        except TimeoutError:
            self._close(wire)
            raise TransientError("the supervisor of local runs does not answer") from None
        finally:
            wire.slots.pop(number, None)
        match slot.answer:
            case {"ok": value}:
                return value
            case {"error": str(text), "effect": ("none" | "possible") as effect}:
                raise TransientError(text, effect=effect)
            case None:
                raise TransientError("the supervisor of local runs went away")
        raise ProtocolError("the supervisor of local runs gave an answer that is none")

    async def _send(self, wire: _Wire, line: bytes) -> None:
        """Send a whole line or close the connection: half of one would spoil the next."""
        async with wire.sending:
            try:
                await wire.stream.send(line)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._close(wire)
            except BaseException:
                self._close(wire)
                raise

    async def _read(self, wire: _Wire) -> None:
        """Hand out what comes, until the connection ends."""
        lines = BufferedByteReceiveStream(wire.stream)
        try:
            with wire.reading, contextlib.suppress(*_ENDS):
                while True:
                    match json.loads(await lines.receive_until(b"\n", LONGEST_LINE)):
                        case {"ended": str(key)}:
                            self._ended(key)
                        case {"id": int(number)} as answer if number in wire.slots:
                            wire.slots[number].answer = answer
                            wire.slots[number].come.set()
        finally:
            self._close(wire)
            with anyio.CancelScope(shield=True):
                await wire.stream.aclose()

    def _close(self, wire: _Wire) -> None:
        """Let go of a connection; whoever waits for an answer in it gets none."""
        if wire.open:
            wire.open = False
            wire.reading.cancel()
            for slot in wire.slots.values():
                slot.come.set()
            for key in [*self._watched]:
                self._ended(key)
