"""Copies into a person's folder: whole under their name, or not there at all."""

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from orchestrator.store import copying
from orchestrator.store.copying import copy
from orchestrator.store.results import Announced, MismatchError, ResultError
from tests.conftest import ROOT
from tests.smalldisk import run_on_small_disk

BODY = bytes(range(256))
UNKNOWN = Announced()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder."""
    path = tmp_path / "look"
    path.mkdir()
    return path


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Open a folder."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def take(
    folder: Path,
    name: str,
    chunks: Iterable[bytes],
    *,
    start: int = 0,
    md5: str | None = None,
    check: Callable[[], None] = lambda: None,
    said: Announced = UNKNOWN,
) -> int:
    """Copy one file of which something was said."""
    with opened(folder) as fd:
        return copy(fd, name, lambda _: nullcontext((start, chunks, md5)), said, check, 0)


def test_a_file_comes_whole_and_for_its_owner_alone(folder: Path) -> None:
    """A look would bring other bytes than the run wrote, or show them to everybody."""
    said = Announced(512, hashlib.sha256(BODY * 2).hexdigest().upper())
    assert take(folder, "outputs/a/b.dat", [BODY, BODY], said=said) == 512
    assert (folder / "outputs/a/b.dat").read_bytes() == BODY * 2
    assert stat.S_IMODE((folder / "outputs/a/b.dat").stat().st_mode) == 0o600
    assert take(folder, "stdout", []) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["outputs", "stdout"]


def test_a_file_that_changed_length_is_copied_to_its_end(folder: Path) -> None:
    """Of a log that grows, which is what people want to see, nothing would come, or its half."""
    assert take(folder, "grown", [BODY, BODY], said=Announced(300)) == 512
    assert take(folder, "shrunk", [BODY], said=Announced(300)) == 256
    assert (folder / "grown").read_bytes() == BODY * 2
    assert (folder / "shrunk").read_bytes() == BODY


def test_a_file_that_grows_for_ever_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that writes faster than we do would fill the person's disk."""
    monkeypatch.setattr(copying, "GROWTH", 1000)
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        for _ in range(100):
            given += len(BODY)
            yield BODY
        raise AssertionError("nobody has stopped it")

    for size, most in ((100, 1100), (2000, 4000)):
        given = 0
        with pytest.raises(MismatchError, match="grows faster"):
            take(folder, "log", endless(), said=Announced(size))
        assert most < given <= most + len(BODY)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("hash_", ["md5", "sha256"])
def test_what_is_vouched_for_is_held_against_it(folder: Path, hash_: str) -> None:
    """A file damaged on its way would be looked at, and a run stopped for it."""
    right, wrong = (hashlib.new(hash_, body).hexdigest() for body in (BODY, b"other"))
    right_said, wrong_said = (
        Announced(256, md5=it) if hash_ == "md5" else Announced(256, sha256=it)
        for it in (right, wrong)
    )
    with pytest.raises(MismatchError, match="changed while it was copied"):
        take(folder, "a", [BODY], said=wrong_said)
    assert list(folder.iterdir()) == []
    if hash_ == "md5":  # it may be told only when the file is opened
        with pytest.raises(MismatchError):
            take(folder, "a", [BODY], md5=wrong)
        assert take(folder, "b", [BODY], md5=right) == 256
    assert take(folder, "a", [BODY], said=right_said) == 256


def test_nothing_half_stays_whatever_breaks(folder: Path) -> None:
    """Half a file would lie there under its name, and look whole."""

    def broken() -> Iterator[bytes]:
        yield BODY
        assert [path.name[:6] for path in folder.iterdir()] == [copying.PART]
        raise ConnectionError

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(ConnectionError):
        take(folder, "a", broken())
    with pytest.raises(KeyboardInterrupt):
        take(folder, "a", [BODY], check=stop)
    with pytest.raises(MismatchError, match="did not begin"):
        take(folder, "a", [BODY], start=7)
    assert list(folder.iterdir()) == []


def test_what_came_meanwhile_is_not_replaced_and_links_are_not_followed(
    folder: Path, tmp_path: Path
) -> None:
    """A file of the person's would be lost, or one written far away from the folder."""
    (folder / "mine").write_text("mine")
    (folder / "outputs").symlink_to(tmp_path)
    with pytest.raises(ResultError, match="something of that name"):
        take(folder, "mine", [BODY])
    with pytest.raises(ResultError):
        take(folder, "outputs/a", [BODY])
    assert (folder / "mine").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["look"]
    assert sorted(path.name for path in folder.iterdir()) == ["mine", "outputs"]


def test_a_folder_that_was_removed_is_said(folder: Path) -> None:
    """A person who tidies up would see a traceback."""

    def removed() -> Iterator[bytes]:
        yield BODY
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    with pytest.raises(ResultError):
        take(folder, "a", removed())
    assert not folder.exists()


ONE_COPY = """
import os, sys
from contextlib import nullcontext
from orchestrator.store.copying import copy
from orchestrator.store.results import Announced
folder = os.open(sys.argv[1], os.O_RDONLY)
opened = lambda _: nullcontext((0, [b"bytes"], None))
for name in sys.argv[2:]:
    try:
        copy(folder, name, opened, Announced(5), lambda: None, 0)
    except Exception as error:
        print(type(error).__name__, error)
"""


def harmed(folder: Path, inject: str, *names: str) -> list[str]:
    """Copy files in a process of its own, in which a system call fails; return what it said."""
    call = inject.partition(":")[0]
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
    done = subprocess.run(
        [*strace, "-e", f"inject={inject}", sys.executable, "-c", ONE_COPY, str(folder), *names],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.needs("strace")
def test_a_disk_that_cannot_rename_so_gets_the_files_too(folder: Path) -> None:
    """A home on NFS, as engineers have it, would get nothing."""
    said = harmed(folder, "renameat2:error=EINVAL", "outputs/a", "outputs/a")
    assert (folder / "outputs/a").read_text() == "bytes"
    assert [line.split()[0] for line in said] == ["ResultError"], "the second replaces nothing"
    assert [path.name for path in folder.iterdir()] == ["outputs"]


@pytest.mark.needs("unshare")
def test_a_full_disk_leaves_nothing_half(tmp_path: Path) -> None:
    """A look would take the last bytes of the disk that the daemon works on."""
    run_on_small_disk(tmp_path, "tests.store.full_copy", size="3m")
