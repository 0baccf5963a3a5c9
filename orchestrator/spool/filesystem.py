"""Whether a home may lie where it lies: on one local file system."""

import errno
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.config.home import Home
from orchestrator.spool.disk import FOLDER, opened
from orchestrator.spool.libc import file_system_magic, rename_new

PROBE = ".probe-"
"""How the empty folders begin with which renames are tried; a killed check leaves one."""

_GOOD = {
    0xEF53: "ext4", 0x58465342: "xfs", 0x9123683E: "btrfs", 0x2FC12FC1: "zfs", 0xF2F52010: "f2fs",
    0xCA451A4E: "bcachefs",
}  # fmt: skip
_NETWORK = {
    0x6969: "NFS", 0xFF534D42: "CIFS", 0xFE534D42: "SMB", 0x517B: "SMB", 0x5346414F: "AFS",
    0x6B414653: "AFS", 0x73757245: "Coda", 0x00C36400: "Ceph", 0x01021997: "9P",
    0x0BD00BD0: "Lustre", 0x19830326: "BeeGFS", 0x47504653: "GPFS", 0xAAD7AAEA: "PanFS",
    0x7461636F: "OCFS2", 0x01161970: "GFS2", 0x65735546: "FUSE",
}  # fmt: skip
_NO_RENAME = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
_FORGETFUL = {0x01021994: "tmpfs", 0x858458F6: "ramfs", 0x794C7630: "overlay"}


@dataclass(frozen=True, slots=True)
class Check:
    """What was found; `text` is for people, and empty when all is well."""

    level: Literal["ok", "warning", "refusal"]
    text: str = ""


def check_file_system(path: Path) -> Check:
    """Judge the kind of file system a path lies on: what is synced there must survive."""
    return _judge(file_system_magic(os.fsencode(path)), path)


def _judge(magic: int, path: Path) -> Check:
    if magic in _GOOD:
        return Check("ok")
    if kind := _NETWORK.get(magic):
        return Check(
            "refusal",
            f"{path} lies on a network or FUSE file system ({kind}), where locks and the queue's"
            " database are not safe; choose a home on a local disk",
        )
    if kind := _FORGETFUL.get(magic):
        return Check(
            "warning",
            f"{path} lies on {kind}: it works, but jobs and results may be gone after a restart"
            " of the machine or container",
        )
    return Check(
        "warning",
        f"{path} lies on a file system that was never tried (type {magic:#x}); ext4, xfs, btrfs"
        " and zfs were",
    )


def check_one_file_system(home: Home) -> Check:
    """Judge whether drops can be moved from the spool to where they go, by one rename each.

    Tries it with an empty hidden folder, because a bind mount refuses renames though it reports
    the same device. The folders of the home must exist. Raises OSError when the disk is at fault.
    """
    for folder in (home.spool, home.claimed, home.archive, home.rejected):
        for left in folder.glob(f"{PROBE}*"):  # by a check that was killed
            with suppress(OSError):
                left.rmdir()
    probe = f"{PROBE}{secrets.token_hex(8)}".encode()
    for target in (home.claimed, home.archive, home.rejected):
        with opened(home.spool, FOLDER) as source_fd, opened(target, FOLDER) as target_fd:
            os.mkdir(probe, 0o700, dir_fd=source_fd)
            try:
                rename_new(source_fd, probe, target_fd, probe)
            except OSError as error:
                os.rmdir(probe, dir_fd=source_fd)
                if error.errno not in _NO_RENAME:
                    raise
                why = os.strerror(error.errno or 0)
                return Check(
                    "refusal",
                    f"nothing can be moved from {home.spool} to {target} ({why}); the whole home"
                    " must lie on one file system that knows renameat2",
                )
            os.rmdir(probe, dir_fd=target_fd)
    return Check("ok")
