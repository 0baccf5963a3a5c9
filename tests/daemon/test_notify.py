"""What systemd hears."""

import os
import socket
import threading
from pathlib import Path

import pytest

from orchestrator.daemon.notify import StillStarting, notify, watchdog_seconds


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_every_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, abstract: bool
) -> None:
    """The unit would wait for READY until it is killed."""
    address = f"@orchestrator-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + address[1:] if abstract else address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        notify("READY=1", "STATUS=serving")
        assert listener.recv(1000) == b"READY=1\nSTATUS=serving"


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon started by hand, or under a manager that is gone, would end with an error."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")


def test_a_long_start_asks_for_time_but_not_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start with a hundred thousand drops would be killed, or would swamp systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        start = StillStarting()
        start.tell()
        start.tell()
        assert listener.recv(1000) == b"EXTEND_TIMEOUT_USEC=300000000"
        with pytest.raises(BlockingIOError):
            listener.recv(1000)


@pytest.mark.timeout(20)
def test_a_manager_that_is_too_busy_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole daemon would stand still while systemd does, or READY would be lost."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        for _ in range(1000):  # many more than the socket keeps
            notify("WATCHDOG=1")
        waiting = threading.Thread(target=notify, args=["READY=1"], kwargs={"wait": True})
        waiting.start()
        while listener.recv(1000) != b"READY=1":
            pass
        waiting.join()


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("60000000", "us", 60.0),
        ("60000000", None, 60.0),
        ("60000000", "1", None),
        ("", None, None),
        ("soon", None, None),
    ],
)
def test_watchdog_is_read_as_systemd_means_it(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, pid: str | None, seconds: float | None
) -> None:
    """The daemon would be killed for silence, or never watched."""
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "us" else pid)
    assert watchdog_seconds() == seconds
