"""A claimed drop is read whole, or later."""

import os
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.spool import BusyError, Rules, claim, open_drop
from orchestrator.spool.content import _read
from orchestrator.spool.disk import FOLDER, opened


@pytest.mark.parametrize("change", ["grown", "as long as before", "open"])
def test_a_job_file_that_changes_under_our_eyes_is_not_read(tmp_path: Path, change: str) -> None:
    """Where the kernel grants no lease, a mixture of old and new text would be accepted."""
    path = tmp_path / "job.toml"
    path.write_bytes(b"old")
    os.utime(path, (1, 1))  # the clock of a file system may tick slower than this test
    with opened(tmp_path, FOLDER) as fd:
        before = path.stat()
        assert _read(fd, "job.toml", before, Rules()) == b"old"
        with path.open("ab" if change == "open" else "wb") as file:
            if change == "open":
                with pytest.raises(BusyError):
                    _read(fd, "job.toml", before, Rules())
                return
            file.write(b"new" if change == "as long as before" else b"newer")
        with pytest.raises(BusyError):
            _read(fd, "job.toml", before, Rules())


def test_an_input_that_is_written_to_after_the_claim_is_waited_for(home: Home) -> None:
    """The inputs of a job would be noted in the middle of a late `cp`."""
    (home.spool / "folder").mkdir()
    (home.spool / "folder" / "job.toml").write_bytes(b"")
    (home.spool / "folder" / "mesh.inp").write_bytes(b"half")
    (claimed,), _ = claim(home, [b"folder"], set())
    mesh = home.claimed / claimed.id / "folder" / "mesh.inp"
    with mesh.open("ab") as late:
        with pytest.raises(BusyError):
            open_drop(home, claimed, Rules())
        late.write(b" and half")
    content = open_drop(home, claimed, Rules())
    assert content.beside is not None
    assert content.beside["mesh.inp"].st_size == len(b"half and half")
