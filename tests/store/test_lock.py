"""One daemon for one home, for exactly as long as it lives."""

import os
import re
import signal
from pathlib import Path

import pytest

from orchestrator.store import lock
from tests.store import children


def test_a_second_daemon_is_refused_by_name(tmp_path: Path) -> None:
    """Otherwise two daemons on one home would start every job twice."""
    path = tmp_path / "lock"
    with lock.hold(path):
        whose = re.escape(f"another daemon (process {os.getpid()}) already serves this home")
        with pytest.raises(lock.HomeInUseError, match=whose), lock.hold(path):
            pytest.fail("two hold it")
        assert lock.holder(path) == os.getpid()
        with pytest.raises(lock.HomeInUseError), lock.hold(path):  # the refused one freed nothing
            pytest.fail("two hold it")


def test_a_command_is_told_from_a_daemon(tmp_path: Path) -> None:
    """A question to a service would keep the daemon from starting, and its unit down for good."""
    path = tmp_path / "lock"
    with lock.hold(path, command=True):
        with pytest.raises(lock.HomeInUseError, match="a command") as caught, lock.hold(path):
            pytest.fail("two hold it")
        assert caught.value.passing
        assert lock.holder(path) is None  # no daemon
    with lock.hold(path):
        with pytest.raises(lock.HomeInUseError) as caught, lock.hold(path, command=True):
            pytest.fail("two hold it")
        assert not caught.value.passing


def test_a_daemon_that_ends_frees_the_home(tmp_path: Path) -> None:
    """Otherwise a restart in one process, as tests do it, would need a reboot."""
    path = tmp_path / "lock"
    with pytest.raises(RuntimeError, match="mine"), lock.hold(path):
        raise RuntimeError("mine")
    assert lock.holder(path) is None
    with lock.hold(path):
        assert lock.holder(path) == os.getpid()


def test_looking_never_disturbs(tmp_path: Path) -> None:
    """Otherwise `status` could keep a daemon from starting, or free the home of a living one."""
    path = tmp_path / "lock"
    assert lock.holder(path) is None
    assert not path.exists()
    with lock.hold(path):
        for _ in range(3):
            assert lock.holder(path) == os.getpid()
        with pytest.raises(lock.HomeInUseError), lock.hold(path):
            pytest.fail("two hold it")
    path.chmod(0o400)
    assert lock.holder(path) is None


def test_kill_frees_the_home_and_children_do_not_keep_it(tmp_path: Path) -> None:
    """Otherwise a killed daemon could not be restarted while a job of it still runs."""
    path = tmp_path / "lock"
    with children.start("hold_the_lock", tmp_path) as daemon:
        assert daemon.stdout is not None
        outlives = int(daemon.stdout.readline())
        comm = Path(f"/proc/{outlives}/comm")
        while comm.read_text() != "sleep\n":  # it closes what it inherited before it gets its name
            pass
        try:
            assert lock.holder(path) == daemon.pid
            with pytest.raises(lock.HomeInUseError, match=str(daemon.pid)), lock.hold(path):
                pytest.fail("two hold it")
            daemon.kill()
            daemon.wait()
            os.kill(outlives, 0)  # it lives
            assert lock.holder(path) is None
            with lock.hold(path):
                assert lock.holder(path) == os.getpid()
        finally:
            os.kill(outlives, signal.SIGKILL)


def test_an_unwritten_lock_file_is_no_reason_to_fail(tmp_path: Path) -> None:
    """Otherwise a crash between lock and number would leave a home that cannot be looked at."""
    path = tmp_path / "lock"
    path.write_bytes(b"\xff garbage")
    assert lock.holder(path) is None
    with lock.hold(path):
        path.write_bytes(b"")
        assert lock.holder(path) is None  # nobody knows who; taken all the same:
        with pytest.raises(lock.HomeInUseError, match="unknown"), lock.hold(path):
            pytest.fail("two hold it")
