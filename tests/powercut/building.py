"""A rebuilt disk as a real folder."""

import os
from pathlib import Path

from tests.powercut.disk import Image

SOCKET = 0o140600


def build(image: Image, disk: Path) -> None:
    """Write an image into a new folder, with the modification times that are known."""
    disk.mkdir()
    for path, (inode, mode, data) in image.items():
        at = disk / path
        match inode.kind:
            case "folder":
                at.mkdir()
            case "link":
                at.symlink_to(inode.target)
            case "socket":
                os.mknod(at, SOCKET)
            case "file":
                at.write_bytes(data)
                at.chmod(mode)
                if inode.mtime is not None:
                    os.utime(at, ns=(inode.mtime, inode.mtime))
    for path, node in reversed(image.items()):
        if node.inode.kind == "folder":
            (disk / path).chmod(node.mode)
