"""The control socket, on real sockets: who is answered, and that nobody can harm the daemon."""

import json
import logging
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import structlog
from anyio.from_thread import start_blocking_portal
from pydantic import JsonValue

from orchestrator.backend import BackendError, ProtocolError, QuotaError, TransientError
from orchestrator.daemon import control, wire
from orchestrator.daemon.calling import NobodyAnswersError, call
from orchestrator.daemon.wire import LONGEST_ANSWER, LONGEST_REQUEST, Question


class Answering:
    """What the daemon of these tests answers; `asked` is what it was asked, `left` who left."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.waiting = threading.Semaphore(0)
        self.left = threading.Semaphore(0)

    async def __call__(self, question: Question, file: int | None) -> JsonValue:
        """Do what the verb says."""
        self.asked.append(question)
        match question.verb:
            case "echo":
                return list(question.words)
            case "read":
                assert file is not None
                assert not os.get_inheritable(file)
                return os.read(file, 100).decode()
            case "quota":
                raise QuotaError("later", effect="none", retry_after=7.5)
            case "bug":
                raise ZeroDivisionError("a fault in the backend's code")
            case "long":
                return "x" * LONGEST_ANSWER
            case _:
                await self._wait()
                return None

    async def _wait(self) -> None:
        self.waiting.release()
        try:
            await anyio.sleep_forever()
        finally:
            self.left.release()


@contextmanager
def served(path: Path, answer: control.Answer) -> Iterator[list[dict[str, Any]]]:
    """Serve at a socket, on a thread of its own; gives what is logged."""
    logged: list[dict[str, Any]] = []

    def note(_: object, method: str, event: Any) -> Any:
        logged.append({**event, "level": method})
        raise structlog.DropEvent

    log = structlog.wrap_logger(None, [note], structlog.make_filtering_bound_logger(0))
    with start_blocking_portal("asyncio") as portal:
        serving = portal.start_task_soon(partial(control.serve, path, answer, log))
        while not _listens(path):
            portal.call(anyio.lowlevel.checkpoint)
        yield logged
        serving.cancel()


def _listens(path: Path) -> bool:
    try:
        connect(path).close()
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True


@pytest.fixture
def answering() -> Answering:
    """Return what is asked here."""
    return Answering()


@pytest.fixture
def path(tmp_path: Path, answering: Answering) -> Iterator[Path]:
    """Serve at a socket in a folder whose path is longer than a socket's may be."""
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    with served(folder / "control.sock", answering):
        yield folder / "control.sock"


async def test_it_has_started_when_it_can_be_asked(tmp_path: Path, answering: Answering) -> None:
    """A command right after the daemon's `ready` would be told that it cannot be asked yet."""
    log = structlog.wrap_logger(None, [], structlog.make_filtering_bound_logger(logging.CRITICAL))
    for folder in (tmp_path, tmp_path / "nowhere"):
        async with anyio.create_task_group() as group:
            await group.start(control.serve, folder / "control.sock", answering, log)
            assert (folder / "control.sock").is_socket() is folder.is_dir()
            group.cancel_scope.cancel()


def test_a_question_is_answered(path: Path, answering: Answering) -> None:
    """No command could ask a service anything while the daemon runs."""
    assert len(os.fsencode(path)) > 107
    question = Question("cluster", "echo", ("a", "b\n\u202e", ""))
    assert call(path, question) == ["a", "b\n\u202e", ""]
    assert answering.asked == [question]


def test_an_open_file_goes_with_a_question(path: Path, tmp_path: Path) -> None:
    """The daemon would open a person's file by its name, with other rights, or not find it."""
    (tmp_path / "mine").write_text("my bytes")
    with (tmp_path / "mine").open("rb") as file:
        assert call(path, Question("cluster", "read"), file.fileno()) == "my bytes"
        still = [fd for fd in Path("/proc/self/fd").iterdir() if _leads_to(fd, tmp_path / "mine")]
        assert [fd.name for fd in still] == [str(file.fileno())]


def _leads_to(fd: Path, file: Path) -> bool:
    try:
        return fd.readlink() == file
    except FileNotFoundError:  # the descriptor of this very listing
        return False


def test_an_error_of_the_seam_arrives_as_it_was_raised(path: Path) -> None:
    """A person would be told to try again at once, or that nothing happened when it did."""
    with pytest.raises(QuotaError, match=r"^later$") as caught:
        call(path, Question("cluster", "quota"))
    assert (caught.value.effect, caught.value.retry_after) == ("none", 7.5)


def test_a_fault_in_a_verb_is_told_and_the_next_is_answered(path: Path) -> None:
    """One bad verb would end the daemon with all its jobs."""
    with pytest.raises(BackendError, match="internal error: ZeroDivisionError"):
        call(path, Question("cluster", "bug"))
    assert call(path, Question("cluster", "echo")) == []


def test_an_answer_that_is_too_long_is_said_to_be(path: Path) -> None:
    """A listing of millions would be cut somewhere, and look whole."""
    with pytest.raises(ProtocolError, match="too long"):
        call(path, Question("cluster", "long"))


def connect(path: Path) -> socket.socket:
    """Connect as somebody who keeps to no rules."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        with wire.short(path) as name:
            sock.connect(name)
    except OSError:
        sock.close()
        raise
    sock.settimeout(30)
    return sock


NONSENSE = [
    b"\n",
    b"{}\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b'{"backend": 1, "verb": "echo"}\n',
    b'{"backend": "a", "verb": "echo", "words": "abc"}\n',
    b"\xff\x00" * 10 + b"\n",
    b"[" * 5000 + b"\n",
    b"x" * (LONGEST_REQUEST + 1),
]


@pytest.mark.parametrize("data", NONSENSE)
def test_nonsense_is_answered_as_such(path: Path, answering: Answering, data: bytes) -> None:
    """A stray program at the socket would end the daemon, or be taken at its word."""
    with connect(path) as sock:
        sock.sendall(data)
        reply = b""
        while chunk := sock.recv(4096):
            reply += chunk
    assert json.loads(reply)["error"]["class"] == "ProtocolError"
    assert answering.asked == []
    assert call(path, Question("cluster", "echo")) == []


def test_a_client_that_leaves_takes_its_request_along(path: Path, answering: Answering) -> None:
    """A download that was interrupted would go on for hours, for nobody."""
    with connect(path) as sock:
        sock.sendall(wire.asked(Question("cluster", "wait")))
        assert answering.waiting.acquire(timeout=30)
    assert answering.left.acquire(timeout=30)


def test_no_more_are_heard_at_once_than_there_are_places(path: Path, answering: Answering) -> None:
    """Hundreds of commands at once would take the daemon's descriptors from its jobs."""
    waiting = [connect(path) for _ in range(control.MOST_AT_ONCE)]
    for sock in waiting:
        sock.sendall(wire.asked(Question("cluster", "wait")))
    for _ in waiting:
        assert answering.waiting.acquire(timeout=30)
    with connect(path) as one_more:
        one_more.sendall(wire.asked(Question("cluster", "echo")))
        one_more.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one_more.recv(1)
        assert [it.verb for it in answering.asked].count("echo") == 0
        waiting.pop().close()
        assert answering.left.acquire(timeout=30)
        one_more.settimeout(30)
        assert json.loads(one_more.recv(4096)) == {"answer": []}
    for sock in waiting:
        sock.close()


def test_clients_that_hang_give_their_places_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs that connect and say nothing would shut everybody out for ever."""
    monkeypatch.setattr(control, "SLOWEST_REQUEST", 1.0)  # and the last is heard before
    silent = [connect(path) for _ in range(control.MOST_AT_ONCE)]
    silent[0].sendall(b'{"backend": ')
    assert call(path, Question("cluster", "echo")) == []
    for sock in silent:
        assert sock.recv(1) == b""
        sock.close()


def test_a_daemon_that_takes_no_connection_is_called_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands would hang for ever beside a daemon that is stopped or overrun."""
    path, told = tmp_path / "control.sock", []
    monkeypatch.setattr("orchestrator.daemon.calling.PATIENCE", 1)
    with socket.socket(socket.AF_UNIX) as listener, wire.short(path) as name:
        listener.bind(name)
        listener.listen(0)
        with connect(path), pytest.raises(TransientError, match="busy") as caught:
            call(path, Question("cluster", "echo"))
        told.append(caught.value.effect)
    assert told == ["none"]


def test_the_socket_is_for_its_owner_alone(path: Path) -> None:
    """Everybody on the machine could spend a person's money."""
    mask = os.umask(0)
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(mask)


def test_a_loose_umask_does_not_open_the_socket(tmp_path: Path, answering: Answering) -> None:
    """Its rights would depend on how the daemon was started."""
    mask = os.umask(0)
    try:
        with served(tmp_path / "control.sock", answering):
            assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600
    finally:
        os.umask(mask)


STRANGER = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with socket.socket(socket.AF_UNIX) as sock:
    sock.settimeout(30)
    sock.connect("control.sock")
    try:
        sock.sendall(b'{"backend": "cluster", "verb": "echo"}\\n')
        print(sock.recv(100))
    except (BrokenPipeError, ConnectionResetError):
        print(b"")
"""


@pytest.mark.needs("root")
def test_another_user_is_not_answered(path: Path, answering: Answering) -> None:
    """Rights on a file that went wrong would be all that keeps others from a person's account."""
    path.chmod(0o666)
    path.parent.chmod(0o755)
    command = [sys.executable, "-I", "-S", "-c", STRANGER, str(path.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "b''\n", done.stderr
    assert answering.asked == []
    assert call(path, Question("cluster", "echo")) == []


def test_what_a_killed_daemon_left_is_taken_over(tmp_path: Path, answering: Answering) -> None:
    """After a crash nobody could ask the daemon until somebody removes a file."""
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as left, wire.short(path) as name:
        left.bind(name)
    with pytest.raises(NobodyAnswersError):
        call(path, Question("cluster", "echo"))
    with served(path, answering):
        assert call(path, Question("cluster", "echo")) == []
    assert not path.exists()
    with pytest.raises(NobodyAnswersError):
        call(path, Question("cluster", "echo"))


def test_a_socket_that_cannot_be_made_is_no_end(tmp_path: Path, answering: Answering) -> None:
    """A full disk would keep the daemon from starting, though all else could go on."""
    logged: list[str] = []

    def note(_: object, method: str, event: Any) -> Any:
        logged.append(f"{method}: {event['event']}")
        raise structlog.DropEvent

    log = structlog.wrap_logger(None, [note], structlog.make_filtering_bound_logger(0))
    anyio.run(control.serve, tmp_path / "nowhere" / "control.sock", answering, log)
    assert logged == ["warning: nobody can ask this daemon"]


def test_a_daemon_that_ends_meanwhile_leaves_it_open_what_was_done(
    tmp_path: Path, answering: Answering
) -> None:
    """A person would take it for refused, and do it twice."""
    path, caught = tmp_path / "control.sock", []

    def ask() -> None:
        with pytest.raises(TransientError) as error:
            call(path, Question("cluster", "wait"))
        caught.append(error.value.effect)

    with served(path, answering):
        asking = threading.Thread(target=ask)
        asking.start()
        assert answering.waiting.acquire(timeout=30)
    asking.join(30)
    assert caught == ["possible"]
