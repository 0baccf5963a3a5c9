"""Leases: what they tell, and that they do no harm."""

import fcntl
import subprocess
import sys
from pathlib import Path

from orchestrator.spool.disk import READ, opened
from orchestrator.spool.lease import leased, writer_of


def test_a_lease_tells_of_writers(tmp_path: Path) -> None:
    """A file would be taken while it is written."""
    path = tmp_path / "f"
    path.touch()
    with opened(path, READ) as fd:
        assert writer_of(fd) == "none"
        with path.open("w"):
            assert writer_of(fd) == "some"
        assert writer_of(fd) == "none"


def test_a_writer_waits_for_the_lease_and_does_not_kill_us(tmp_path: Path) -> None:
    """The default of SIGIO would end the daemon when somebody opens a file at the wrong moment."""
    path = tmp_path / "f"
    path.touch()
    program = f"open({str(path)!r}, 'a').write('x')"
    with subprocess.Popen([sys.executable, "-c", program]) as other:
        with opened(path, READ) as fd, leased(fd) as writer:
            if writer == "none":  # else the other one was quicker
                while fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK:  # nobody waits yet
                    assert other.poll() is None
                assert path.read_text() == ""
        assert other.wait() == 0
    assert path.read_text() == "x"
