"""Our own drops: whole, on the disk, never half-visible, and nothing left when they fail."""

import os
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.core.ids import is_id
from orchestrator.core.intake import Verb
from orchestrator.spool import DropError, drop_copy, drop_file, drop_folder, drop_request


def test_a_dropped_file_is_whole_and_named_by_its_id(home: Home) -> None:
    """`submit` would print an id that the job never has."""
    ident = drop_file(home, b"text", "my beam", ".toml")
    assert is_id(ident)
    (path,) = home.spool.iterdir()
    assert (path.name, path.read_bytes()) == (f"my beam.orch-{ident}.toml", b"text")


def test_a_dropped_request_is_as_the_daemon_reads_it(home: Home) -> None:
    """`orchestrator cancel` would be refused as a bad request."""
    ident = drop_request(home, Verb.RETRY, "beam", confirmed=True)
    (path,) = home.spool.iterdir()
    assert path.name == f"retry.orch-{ident}.request.json"
    assert path.read_text() == (
        f'{{"id": "{ident}", "request": "retry", "job": "beam", "confirmed": true}}'
    )


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "job.toml"])
def test_a_folder_is_not_written_outside_itself(home: Home, tmp_path: Path, name: str) -> None:
    """A name with dots would write over a file of the user, or over the job file."""
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with pytest.raises(DropError):
        drop_folder(home, b"text", "beam", ".toml", [(name, source)])
    assert list(home.spool.iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo"])
def test_what_cannot_be_copied_leaves_nothing_behind(home: Home, tmp_path: Path, kind: str) -> None:
    """A failed `submit` would leave half a job in the spool."""
    source = tmp_path / "source"
    good = tmp_path / "good"
    good.write_bytes(b"x")
    if kind == "folder":
        source.mkdir()
    elif kind == "fifo":
        os.mkfifo(source)
    with pytest.raises(DropError, match="source: "):
        drop_folder(home, b"text", "beam", ".toml", [("a", good), ("b", source)])
    assert list(home.spool.iterdir()) == []


def test_a_folder_is_copied_with_all_that_is_below(home: Home, tmp_path: Path) -> None:
    """`submit FOLDER` would lose files, or follow a link out of the folder."""
    source = tmp_path / "beam"
    (source / "deep").mkdir(parents=True)
    (source / "job.yaml").write_bytes(b"text")
    (source / "deep" / "mesh").write_bytes(b"mesh")
    (source / "link").symlink_to("deep/mesh")
    ident = drop_copy(home, source)
    (path,) = home.spool.iterdir()
    assert path.name == f"beam.orch-{ident}"
    files = {str(each.relative_to(path)) for each in path.rglob("*") if each.is_file()}
    assert files == {"job.yaml", "deep/mesh", "link"}
    assert not (path / "link").is_symlink()
    (source / "loop").symlink_to(".")
    with pytest.raises(DropError, match="is a link to a folder"):
        drop_copy(home, source)
    assert list(home.spool.iterdir()) == [path]


def test_a_folder_must_hold_one_job_file(home: Home, tmp_path: Path) -> None:
    """`submit` would only tell after the fact that a folder is no job."""
    with pytest.raises(DropError, match="it holds none of them"):
        drop_copy(home, tmp_path)
    for name in ("job.toml", "job.json"):
        (tmp_path / name).touch()
    with pytest.raises(DropError, match=r"it holds job\.toml and job\.json of them"):
        drop_copy(home, tmp_path)


def test_without_a_spool_it_fails_and_says_where(tmp_path: Path) -> None:
    """`submit` into a home that does not exist would claim to have worked."""
    with pytest.raises(FileNotFoundError, match="spool"):
        drop_file(Home(tmp_path / "none"), b"text", "beam", ".toml")
