"""All inputs in one archive: always the same bytes, and never half of it."""

import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from orchestrator.backend import TransientError
from orchestrator.backends.cloudhpc import archive
from orchestrator.backends.cloudhpc.archive import packed

FILES = {"a.inp": b"*NODE\n" * 1000, "sub/deep/b.dat": bytes(range(256)) * 999, "empty": b""}


@pytest.fixture
def locate(tmp_path: Path) -> Callable[[str], Path]:
    """Write the inputs; return what finds them."""
    folder = tmp_path / "inputs"
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "a.inp").chmod(0o755)
    return folder.joinpath


def test_what_comes_out_is_what_went_in(tmp_path: Path, locate: Callable[[str], Path]) -> None:
    """A solver would compute from damaged inputs, or not find them."""
    made = packed(tmp_path / "made" / "x.tar.gz", FILES, locate)
    assert made.size == made.path.stat().st_size
    assert made.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()
    hashes = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in FILES.items()}
    assert dict(made.files) == hashes
    with tarfile.open(made.path) as tar:
        found = {entry.name: tar.extractfile(entry) for entry in tar}
        assert {name: file.read() for name, file in found.items() if file} == FILES
        modes = {entry.name: entry.mode for entry in tar}
    assert modes == {"a.inp": 0o755, "empty": 0o644, "sub/deep/b.dat": 0o644}


def test_the_same_inputs_make_the_same_archive(
    tmp_path: Path, locate: Callable[[str], Path]
) -> None:
    """What was sent before a crash would not be known again, and be sent once more."""
    one = packed(tmp_path / "one" / "x.tar.gz", FILES, locate)
    os.utime(locate("a.inp"), (5, 5))
    other = packed(tmp_path / "other" / "y.tar.gz", [*reversed(FILES)], locate)
    assert one.path.read_bytes() == other.path.read_bytes()


def test_an_archive_that_is_there_is_not_packed_again(
    tmp_path: Path, locate: Callable[[str], Path]
) -> None:
    """Gigabytes would be packed anew after each restart."""
    path = tmp_path / "made" / "x.tar.gz"
    made = packed(path, FILES, locate)

    def nowhere(name: str) -> Path:
        raise AssertionError(name)

    assert packed(path, FILES, nowhere) == made


@pytest.mark.parametrize("harm", ["cut", "flipped", "no papers", "odd papers", "other names"])
def test_a_damaged_archive_is_packed_again(
    tmp_path: Path, locate: Callable[[str], Path], harm: str
) -> None:
    """Half an archive, left by a power cut, would be sent for the whole."""
    path = tmp_path / "made" / "x.tar.gz"
    whole = packed(path, FILES, locate).path.read_bytes()
    papers = path.with_name("x.tar.gz.json")
    match harm:
        case "cut":
            path.write_bytes(whole[:-1])
        case "flipped":
            path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        case "no papers":
            papers.unlink()
        case "odd papers":
            papers.write_text("[]")
        case _:
            tree = json.loads(papers.read_text())
            tree["files"]["c"] = tree["files"].pop("empty")
            papers.write_text(json.dumps(tree))
    assert packed(path, FILES, locate).path.read_bytes() == whole


@pytest.mark.parametrize("size", [1000, 6001])
def test_a_file_that_changes_meanwhile_is_not_packed(
    tmp_path: Path, locate: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """An archive would hold a mixture of two versions."""
    asked = count()

    def stop() -> bool:
        if next(asked) == 0:
            os.truncate(locate("a.inp"), size)
        return False

    monkeypatch.setattr(archive, "BLOCK", 512)
    with pytest.raises(TransientError, match=r"'a\.inp' changed"):
        packed(tmp_path / "made" / "x.tar.gz", FILES, locate, stop)
    assert list((tmp_path / "made").iterdir()) == []


def test_packing_can_be_given_up(tmp_path: Path, locate: Callable[[str], Path]) -> None:
    """A cancelled job would go on filling the disk."""
    with pytest.raises(TransientError, match="given up"):
        packed(tmp_path / "made" / "x.tar.gz", FILES, locate, lambda: True)
    assert list((tmp_path / "made").iterdir()) == []


def test_an_input_that_is_gone_is_told(tmp_path: Path) -> None:
    """A person would not know which file to put back."""
    with pytest.raises(FileNotFoundError) as caught:
        packed(tmp_path / "made" / "x.tar.gz", ["a.inp"], tmp_path.joinpath)
    assert caught.value.filename == str(tmp_path / "a.inp")
    assert list((tmp_path / "made").iterdir()) == []


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, locate: Callable[[str], Path]
) -> None:
    """The disk would fill with halves of archives."""
    made = packed(tmp_path / "made" / "x.tar.gz", FILES, locate)
    (tmp_path / "made" / "x.tar.gz.1234.part").write_bytes(b"half")
    archive.tidy(tmp_path / "made")
    archive.tidy(tmp_path / "nothing")
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "x.tar.gz",
        "x.tar.gz.json",
    ]
    assert packed(made.path, FILES, locate) == made
    archive.remove(made.path)
    archive.remove(made.path)
    assert list((tmp_path / "made").iterdir()) == []
