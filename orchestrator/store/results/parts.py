"""Outputs of which a part has come: kept beside the whole ones, so that the next try goes on there.

A part is gone on with only within the boot in which it was written: what a killed daemon wrote is
all there then, whereas after a power cut nobody knows what reached the disk.
"""

import hashlib
import os
import secrets
from functools import cache
from pathlib import Path

from orchestrator.store.results import disk

PREFIX = ".part-"


def open_part(staging: Path, name: str) -> int:
    """Open the part that an output has so far, for reading and writing; made if there is none."""
    with disk.folder(staging) as top:
        try:
            return os.open(_part(name), disk.PART_FILE, 0o600, dir_fd=top)
        except PermissionError:  # killed between the last touch and the name: nobody may write it
            disk.remove(_part(name), within=top)
            return os.open(_part(name), disk.PART_FILE, 0o600, dir_fd=top)


def complete(staging: Path, name: str) -> None:
    """Give a part that is whole, checked and synced its own name."""
    parent, _, last = name.rpartition("/")
    with disk.folder(staging) as top, disk.subfolder(top, parent, make=True) as within:
        os.replace(_part(name), last, src_dir_fd=top, dst_dir_fd=within)


def remove(staging: Path, name: str) -> None:
    """Remove a part that is not to be gone on with."""
    with disk.folder(staging) as top:
        disk.remove(_part(name), within=top)


def remove_stale(staging: Path) -> None:
    """Remove the parts of earlier boots."""
    current = f"{PREFIX}{_boot()}-"
    for path in staging.glob(f"{PREFIX}*"):
        if not path.name.startswith(current):
            path.unlink()


def _part(name: str) -> str:
    return f"{PREFIX}{_boot()}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


@cache
def _boot() -> str:
    """Return what tells this boot from others; where the system does not say, this process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes()[:8].decode()
    except OSError:
        return secrets.token_hex(4)
