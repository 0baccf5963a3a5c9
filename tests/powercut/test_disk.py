"""The model of a disk: it must tell every change, and leave out what a real disk may leave out."""

import sys
from pathlib import Path

import pytest

from tests.powercut.building import build
from tests.powercut.changes import Bytes, Change, Inode, Names, Size, Sync
from tests.powercut.disk import Cut, Image, Way, after
from tests.powercut.reading import TraceError
from tests.powercut.record import read, trace

END = 1000
MANY = 200  # draws of chance: what may happen must be seen in some, what may not in none

# Every way in which a program changes files here, each file left as something else.
WRITES = """
import os, shutil, socket, subprocess, sys
os.chdir(sys.argv[1])
os.mkdir("folder")
folder = os.open("folder", os.O_RDONLY)
one = os.open("one", os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600, dir_fd=folder)
os.write(one, b"first\\n\\0")
os.writev(one, [b"second", b"third"])
os.pwrite(one, b"far", 5000)
os.ftruncate(one, 4998)
os.fsync(one)
os.fsync(folder)
os.rename("one", "two", src_dir_fd=folder, dst_dir_fd=folder)
os.write(os.open("folder/two", os.O_WRONLY | os.O_APPEND), b"appended")
os.fchmod(one, 0o400)
os.utime(one, ns=(1, 2_000_000_003))
open("gone", "w").write("x")
os.unlink("gone")
open("cut", "w").write("long text")
open("cut", "w").write("short")
os.symlink("folder/two", "link")
socket.socket(socket.AF_UNIX).bind("socket")
socket.socket(socket.AF_UNIX).bind(f"/proc/self/fd/{folder}/socket")
os.fchdir(folder)
os.mkdir("below")
subprocess.run("cp two copy; echo said > below/said; mv below ../moved", shell=True, check=True)
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A world with an empty disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "outside").mkdir()
    return tmp_path


@pytest.mark.needs("strace")
def test_every_way_of_changing_files_is_recorded(world: Path) -> None:
    """States would be rebuilt that never were, and the ones that matter would be missing."""
    trace(world, [sys.executable, "-c", WRITES, str(world / "disk")])
    recording = read(world)  # it holds the recording against the disk, byte by byte
    image = after(recording.root, recording.changes, Cut(1 << 60, Way.WRITTEN, ""))
    assert {
        "folder/two",
        "folder/copy",
        "link",
        "socket",
        "folder/socket",
        "moved/said",
        "cut",
    } <= set(image)
    build(image, world / "rebuilt")
    for path in ("folder/two", "folder/copy", "moved/said", "cut"):
        there, rebuilt = world / "disk" / path, world / "rebuilt" / path
        assert rebuilt.read_bytes() == there.read_bytes()
        assert rebuilt.stat().st_mtime_ns == there.stat().st_mtime_ns


@pytest.mark.needs("strace")
@pytest.mark.parametrize(
    "code",
    [
        "import os; os.link('a', 'b')",
        "import os; f = os.open('a', os.O_WRONLY); os.lseek(f, 2, 0); os.write(f, b'!')",
        "import mmap; f = open('a', 'r+b'); mmap.mmap(f.fileno(), 0)[0:1] = b'?'",
    ],
)
def test_what_is_not_understood_is_an_error(world: Path, code: str) -> None:
    """A program that writes in a new way would be rebuilt wrongly, without a word."""
    prepare = f"import os; os.chdir({str(world / 'disk')!r}); open('a', 'w').write('a text');"
    trace(world, [sys.executable, "-c", prepare + code])
    with pytest.raises(TraceError):
        read(world)


class Disk:
    """A little history of changes, and what may be left of it."""

    def __init__(self) -> None:
        self.root = self.folder()
        self.changes: list[Change] = []

    @staticmethod
    def folder() -> Inode:
        """Return a new folder."""
        return Inode("folder", 0o700)

    @staticmethod
    def file() -> Inode:
        """Return a new file."""
        return Inode("file", 0o600)

    def name(self, *entries: tuple[Inode, str, Inode | None]) -> None:
        """Let names lead to inodes or to nothing, together."""
        at = len(self.changes)
        self.changes.append(Names(at, at, {(folder, name): to for folder, name, to in entries}))

    def write(self, inode: Inode, data: bytes, offset: int = 0) -> None:
        """Write bytes."""
        self.changes.append(Bytes(len(self.changes), len(self.changes), inode, offset, data))

    def cut_to(self, inode: Inode, size: int) -> None:
        """Cut a file."""
        self.changes.append(Size(len(self.changes), len(self.changes), inode, size))

    def sync(self, inode: Inode) -> None:
        """Sync a file or folder."""
        self.changes.append(Sync(len(self.changes), len(self.changes), inode))

    def left(self, way: Way) -> list[Image]:
        """Return many disks that a cut at the end may leave."""
        return [after(self.root, self.changes, Cut(END, way, str(n))) for n in range(MANY)]


@pytest.fixture
def disk() -> Disk:
    """An empty disk."""
    return Disk()


def test_only_what_was_synced_is_sure(disk: Disk) -> None:
    """A missing sync of a file or of its folder would never show."""
    file, nameless = disk.file(), disk.file()
    disk.name((disk.root, "file", file))
    disk.sync(disk.root)
    disk.name((disk.root, "nameless", nameless))
    disk.write(nameless, b"data")
    disk.sync(nameless)
    disk.write(file, b"data")
    for image in disk.left(Way.LAZY):
        assert {path: node.data for path, node in image.items()} == {"file": b""}
    assert {frozenset(image) for image in disk.left(Way.REORDERED)} == {
        frozenset({"file"}),
        frozenset({"file", "nameless"}),
    }
    for image in disk.left(Way.JOURNAL):  # there the sync of a file brings its name along
        assert image["nameless"].data == b"data"
    assert {image["file"].data for image in disk.left(Way.JOURNAL)} == {b"", bytes(4), b"data"}


def test_a_sync_covers_only_what_was_done_when_it_began(disk: Disk) -> None:
    """A change that another thread makes during a sync would count as safe."""
    file = disk.file()
    disk.changes = [
        Names(0, 0, {(disk.root, "file"): file}),
        Sync(1, 1, disk.root),
        Bytes(2, 4, file, 0, b"late"),
        Sync(3, 5, file),
    ]
    assert {image["file"].data for image in disk.left(Way.LAZY)} == {b""}
    unfinished = [after(disk.root, disk.changes, Cut(1, Way.LAZY, "")), {}]
    assert unfinished[0] == unfinished[1], "a sync counted before it was done"


def test_a_rename_is_whole(disk: Disk) -> None:
    """A drop would be in two places at once, which no file system does."""
    here, there, file = disk.folder(), disk.folder(), disk.file()
    disk.name((disk.root, "here", here))
    disk.name((disk.root, "there", there))
    disk.name((here, "file", file))
    disk.write(file, b"data")
    for inode in (disk.root, here, file):
        disk.sync(inode)
    disk.name((here, "file", None), (there, "file", file))
    for way in (Way.JOURNAL, Way.REORDERED):
        places = {frozenset(image) - {"here", "there"} for image in disk.left(way)}
        assert places == {frozenset({"here/file"}), frozenset({"there/file"})}
    disk.sync(there)
    assert {frozenset(image) for image in disk.left(Way.LAZY)} == {
        frozenset({"here", "there", "there/file"})
    }


def test_what_lies_in_a_folder_without_a_name_is_lost(disk: Disk) -> None:
    """The home's own folders could be left unsynced, and everything in them."""
    folder, file = disk.folder(), disk.file()
    disk.name((disk.root, "folder", folder))
    disk.name((folder, "file", file))
    disk.sync(file)
    disk.sync(folder)
    assert disk.left(Way.LAZY)[0] == {}
    assert {} in disk.left(Way.REORDERED)
    assert all("folder/file" in image for image in disk.left(Way.JOURNAL))


def test_a_replaced_file_may_be_empty_unless_it_was_synced(disk: Disk) -> None:
    """A rename before the sync, the oldest fault of all, would pass."""
    old, new = disk.file(), disk.file()
    disk.name((disk.root, "file", old))
    disk.write(old, b"old")
    disk.sync(old)
    disk.sync(disk.root)
    disk.name((disk.root, "new", new))
    disk.write(new, b"new")
    careless = len(disk.changes)
    disk.name((disk.root, "new", None), (disk.root, "file", new))
    found = {image["file"].data for image in disk.left(Way.JOURNAL)}
    assert found == {b"old", b"", bytes(3), b"new"}
    del disk.changes[careless:]
    disk.sync(new)
    disk.name((disk.root, "new", None), (disk.root, "file", new))
    for way in Way:
        assert {image["file"].data for image in disk.left(way)} <= {b"old", b"new"}


def test_bytes_are_torn_at_sectors(disk: Disk) -> None:
    """A file whose end is there and whose middle is zeros would surprise us on a real disk."""
    file = disk.file()
    disk.name((disk.root, "file", file))
    disk.write(file, b"a" * 1000)
    disk.sync(file)
    disk.sync(disk.root)
    disk.write(file, b"b" * 9000, 100)
    found = [image["file"].data for image in disk.left(Way.REORDERED)]
    assert all(data[:100] == b"a" * 100 for data in found)
    assert all(set(data[100:1000]) <= set(b"ab") for data in found)
    assert all(set(data[1000:]) <= set(b"b\0") for data in found)
    assert any(b"\0" in data and data.endswith(b"b") for data in found), "no hole was ever left"
    edges = {at for data in found for at in range(101, len(data)) if data[at] != data[at - 1]}
    assert all(at % 512 == 0 or at == 1000 for at in edges)


def test_nothing_from_before_a_cut_shows_in_a_file_that_was_cut(disk: Disk) -> None:
    """A log that was emptied and begun anew would be mixed with its past, which no disk does."""
    file = disk.file()
    disk.name((disk.root, "file", file))
    disk.write(file, b"o" * 3000)
    disk.sync(file)
    disk.sync(disk.root)
    disk.cut_to(file, 0)
    disk.write(file, b"n" * 2000)
    for image in disk.left(Way.REORDERED):
        data = image["file"].data
        assert data == b"o" * 3000 or not set(data) & set(b"o")
