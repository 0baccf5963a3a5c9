"""Run one of Slurm's commands, within a time."""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from subprocess import DEVNULL

import anyio
from anyio.abc import ByteReceiveStream, Process

from orchestrator.backend import Effect, ProtocolError, TransientError
from orchestrator.log import shorten

LIMIT = 30.0  # seconds for one command
MOST = 256 << 20  # bytes that one may print
WORDS = 500  # characters of what it says that are shown


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    said: str  # what it wrote to stderr, on one line


async def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int = DEVNULL,
    files: Sequence[int] = (),
    effect: Effect,
) -> Done:
    """Run a command; `files` are descriptors that it inherits, `effect` what it may have done.

    Whoever leaves early, because of a cancel or the time, leaves no process behind. Raises
    TransientError, with effect none where it was not even started, and ProtocolError.
    """
    name = command[0]
    try:
        process = await anyio.open_process(
            command, env=environment, stdin=stdin, pass_fds=files, start_new_session=True
        )
    except FileNotFoundError:
        text = f"{name}: there is no such command here; is this a submit host of the cluster?"
        raise TransientError(text, effect="none") from None
    except OSError as error:
        text = f"{name} cannot be started: {error.strerror}"
        raise TransientError(text, effect="none") from None
    parts: dict[str, bytes] = {}
    try:
        with anyio.fail_after(LIMIT):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_read, parts, "out", process.stdout)
                tasks.start_soon(_read, parts, "said", process.stderr)
            code = await process.wait()
    except TimeoutError:
        raise TransientError(f"{name} did not end within {LIMIT:.0f} s", effect=effect) from None
    finally:
        await _end(process)
    if len(parts["out"]) > MOST:
        raise ProtocolError(f"{name} printed more than {MOST} bytes", effect=effect)
    said = " ".join(parts["said"].decode(errors="replace").split())
    return Done(code, parts["out"].decode(errors="replace"), shorten(said, WORDS))


async def _read(parts: dict[str, bytes], key: str, stream: ByteReceiveStream | None) -> None:
    found = bytearray()
    if stream is not None:
        async for chunk in stream:
            if len(found) <= MOST:
                found += chunk
    parts[key] = bytes(found)


async def _end(process: Process) -> None:
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.aclose()
