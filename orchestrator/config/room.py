"""How much room the disk of a home has, held against what is to stay free of it."""

import os
from dataclasses import dataclass
from pathlib import Path

LARGEST_SHARE = 4
"""No more than a fourth of a disk is kept free: a small one would take nothing at all."""
LARGEST_BALLAST = 64 << 20
"""Bytes: the queue's log alone may grow by 4 MiB before it is written back."""
BALLAST_SHARE = 16
"""No more than a sixteenth of a disk is ballast."""
LITTLE = 1 << 20
"""Bytes: with less than this free, a disk is full."""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes: what is free for us, what of it is to stay free, and how large the disk is."""

    free: int
    kept: int
    total: int

    @property
    def ballast(self) -> int:
        """How much is set aside for what is under way; nothing new begins with less than it."""
        return min(LARGEST_BALLAST, self.total // BALLAST_SHARE)

    @property
    def is_full(self) -> bool:
        """Whether even what is under way may find no room."""
        return self.free < LITTLE

    @property
    def short(self) -> str | None:
        """Say why nothing new is begun; None while there is room for it."""
        needed = max(self.kept, self.ballast)
        if self.free >= needed:
            return None
        return f"room on the disk: {amount(self.free)} are free, {amount(needed)} are needed"


def room_at(folder: Path | int, keep_free: int) -> Room:
    """Look at the disk that a folder, or an open file, lies on. Raises OSError."""
    found = os.statvfs(folder)
    total = found.f_blocks * found.f_frsize
    free = found.f_bavail * found.f_frsize
    return Room(free=free, kept=min(keep_free, total // LARGEST_SHARE), total=total)


def amount(size: int) -> str:
    """Return a number of bytes in words."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1000:.0f} kB"
