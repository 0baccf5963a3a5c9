"""A small file system that a test may fill to its last byte or its last file."""

import errno
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MIB = 1 << 20
STEPS = (MIB, 64 << 10, 4096, 1024)

Kind = Literal["tmpfs", "ext4", "btrfs"]


@dataclass(frozen=True)
class Disk:
    """A mounted disk; `root` is its top folder."""

    root: Path
    kind: Kind
    image: Path

    def free(self) -> int:
        """Return the bytes that are left."""
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Take all room but `leave` bytes; what was taken before stays taken."""
        folder = self.root / "filling"
        folder.mkdir(exist_ok=True)
        number = len(os.listdir(folder))  # noqa: PTH208 - counted, not used
        with (folder / str(number)).open("wb") as file:
            size = 0
            for step in STEPS:
                while self.free() >= leave + step:
                    try:
                        os.posix_fallocate(file.fileno(), size, step)
                    except OSError as error:
                        if error.errno != errno.ENOSPC:
                            raise
                        break
                    size += step

    def fill_files(self, leave: int = 0) -> None:
        """Take all files that can be made but `leave` of them."""
        folder = self.root / "files"
        folder.mkdir(exist_ok=True)
        for number in range(os.statvfs(self.root).f_favail - leave):
            (folder / str(number)).touch()

    def clear(self) -> None:
        """Give back everything that was taken."""
        for folder in (self.root / "filling", self.root / "files"):
            if folder.exists():
                for path in folder.iterdir():
                    path.unlink()
                folder.rmdir()

    def write_until_refused(self) -> None:
        """Fill the disk by writing, where allocating says nothing of a quota."""
        folder = self.root / "filling"
        folder.mkdir(exist_ok=True)
        for size in STEPS:
            for _ in range(self.free() // size):
                try:
                    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                        file.write(os.urandom(size))
                        file.flush()
                        os.fsync(file.fileno())
                except OSError as error:
                    if error.errno not in {errno.EDQUOT, errno.ENOSPC}:
                        raise
                    break

    def limit(self, size: int) -> None:
        """Set a quota for the whole of a btrfs, in bytes; statvfs tells nothing of it."""
        for words in (["quota", "enable"], ["qgroup", "limit", str(size), "0/5"]):
            subprocess.run(["btrfs", *words, self.root], check=True, capture_output=True)

    def lift_limit(self) -> None:
        """Take the quota away."""
        subprocess.run(["btrfs", "qgroup", "limit", "none", "0/5", self.root], check=True)

    def fail(self) -> None:
        """Make ext4 meet an error: it goes read-only, as after a damaged block."""
        found = subprocess.run(
            ["findmnt", "-no", "SOURCE", self.root], check=True, capture_output=True, text=True
        )
        device = Path(found.stdout.strip()).name
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("planted by a test")

    def mount(self) -> None:
        """Mount it again, as after a restart of the machine."""
        options = "loop,errors=remount-ro" if self.kind == "ext4" else "loop"
        subprocess.run(["mount", "-o", options, self.image, self.root], check=True)

    def unmount(self, *, lazily: bool = False) -> None:
        """Take it out of the tree; nothing may use it any more, unless `lazily`."""
        subprocess.run(["umount", *(["--lazy"] if lazily else []), self.root], check=True)


def make_disk(folder: Path, kind: Kind, *, size: int = 48 * MIB, files: int | None = None) -> Disk:
    """Mount a new disk of `size` bytes at `folder`, with room for so many files."""
    folder.mkdir()
    disk = Disk(folder, kind, folder.with_name(f"{folder.name}.img"))
    if kind == "tmpfs":
        limits = f"size={size}" + (f",nr_inodes={files}" if files else "")
        subprocess.run(["mount", "-t", "tmpfs", "-o", limits, "none", folder], check=True)
        return disk
    with disk.image.open("wb") as image:
        image.truncate(size)
    if kind == "btrfs":
        subprocess.run(["mkfs.btrfs", "-q", "-f", disk.image], check=True)
        disk.mount()
        return disk
    many = ["-N", str(files)] if files else []
    # Without the blocks that ext4 keeps for root: the tests run as root, and are to find it full.
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", *many, disk.image], check=True)
    disk.mount()
    return disk
