"""Results and inputs over loopback, beside curl on the same server.

The server is a process that sends by sendfile and receives without looking, so that it is faster
than those who are measured.
"""

import hashlib
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio

from orchestrator.backends.http import (
    Account,
    Ask,
    FilePart,
    Use,
    download,
    open_door,
    storage_of,
    upload,
)
from orchestrator.store import results

BLOCK = 8 << 20
ROUNDS = 3


class Beside(NamedTuple):
    """Bytes a second: ours, curl's, and how much memory ours took at its highest, in MiB."""

    ours: float
    curl: float
    memory: float


def downloads(folder: Path, size: int) -> Beside:
    """Fetch a file into a result, hashed, checked and synced; curl only writes and syncs it."""
    source = folder / "source"
    _fill(source, size)
    with _serving(source) as url:
        return _best(
            lambda: _fresh(_ours_down, url, folder, size),
            lambda: _curl("-o", str(folder / "curl"), url, synced=folder / "curl"),
            size,
        )


def uploads(folder: Path, size: int) -> Beside:
    """Send a file that was hashed before."""
    source = folder / "source"
    _fill(source, size)
    with _serving(source) as url:
        return _best(
            lambda: _fresh(_ours_up, url, folder, size),
            lambda: _curl("-T", str(source), url),
            size,
        )


def forms(folder: Path, size: int) -> Beside:
    """Send a file as part of a form, read and hashed before and again on the way."""
    source = folder / "source"
    _fill(source, size)
    with _serving(source) as url:
        return _best(
            lambda: _fresh(_ours_form, url, folder, size),
            lambda: _curl("-F", f"file=@{source}", url),
            size,
        )


def _ours_down(url: str, folder: Path, size: int) -> float:
    staging = folder / "staging"
    staging.mkdir(exist_ok=True)
    where = storage_of(Account(url=url, private_network=True))

    @contextmanager
    def open_at(offset: int) -> Iterator[tuple[int, Iterator[bytes], str | None]]:
        with download(url, where, offset) as stream:
            yield stream.start, stream.chunks, None

    said = results.Announced(size)
    began = time.perf_counter()
    results.fetch(staging, "ours", open_at, said, stop=lambda: False, keep_free=0)
    return time.perf_counter() - began


def _ours_up(url: str, folder: Path, size: int) -> float:
    where = storage_of(Account(url=url, private_network=True))
    with (folder / "source").open("rb") as file:
        began = time.perf_counter()
        upload(url, file.fileno(), 0, size, where)
        return time.perf_counter() - began


def _ours_form(url: str, folder: Path, size: int) -> float:
    source = folder / "source"
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    part = FilePart("file", "source", source, size, sha256)
    ask = Ask("POST", "/file", Use.SUBMIT, multipart=[part], reads=False, limit=600)

    async def send() -> float:
        account = Account(url=url.removesuffix("/file"))
        async with open_door(account, folder, name="ours") as door:
            began = time.perf_counter()
            await door.call(ask)
            return time.perf_counter() - began

    return anyio.run(send)


def _fresh(step: Callable[[str, Path, int], float], *args: object) -> tuple[float, float]:
    """Take a step in a process of its own; return its seconds and its memory in MiB."""
    words = [sys.executable, "-m", "tests.benchmarks.transfers", step.__name__, *map(str, args)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    took, memory = map(float, done.stdout.split())
    return took, memory


def _curl(*words: str, synced: Path | None = None) -> float:
    began = time.perf_counter()
    command = ["curl", "-sSf", "--noproxy", "*", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    if synced:
        with synced.open("rb") as file:
            os.fsync(file.fileno())
    return time.perf_counter() - began


def _best(ours: Callable[[], tuple[float, float]], curl: Callable[[], float], size: int) -> Beside:
    """Take the best of a few rounds of each, in turn: the machine has other work, too."""
    rounds = [(ours(), curl()) for _ in range(ROUNDS)]
    took, other = min(one[0] for one, _ in rounds), min(two for _, two in rounds)
    return Beside(size / took, size / other, max(one[1] for one, _ in rounds))


def _fill(path: Path, size: int) -> None:
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])


@contextmanager
def _serving(source: Path) -> Iterator[str]:
    """Run the server in a process of its own; give its URL."""
    words = [sys.executable, "-m", "tests.benchmarks.transfers", "serve", str(source)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{(server.stdout or sys.stdin).readline().strip()}/file"
        finally:
            server.terminate()


def _serve(source: Path) -> None:
    """Answer GET with a file and PUT with its size, each connection once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_answer, args=(connection, source), daemon=True).start()


def _answer(connection: socket.socket, source: Path) -> None:
    with connection, source.open("rb") as file:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        if head.startswith(b"GET"):
            size = source.stat().st_size
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            connection.sendfile(file, count=size)
            return
        if b"100-continue" in head.lower():
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        buffer, left = bytearray(BLOCK), length - len(body)
        while left > 0:
            left -= connection.recv_into(buffer, min(left, BLOCK))
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n')


def _main(what: str, *args: str) -> None:
    if what == "serve":
        _serve(Path(args[0]))
    step = {"_ours_down": _ours_down, "_ours_up": _ours_up, "_ours_form": _ours_form}[what]
    took = step(args[0], Path(args[1]), int(args[2]))
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{took} {highest}\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
