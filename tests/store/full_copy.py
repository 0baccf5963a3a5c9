"""Copy files on a disk that is full, make room, go on. Run on a tmpfs of 3 MiB."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from orchestrator.core.faults import DiskFullError
from orchestrator.store.copying import copy
from orchestrator.store.results import Announced

MIB = 1 << 20


def take(folder: Path, mib: int, *, size: int | None = None, keep_free: int = 0) -> int:
    """Copy a file of so many MiB."""
    fd = os.open(folder, os.O_RDONLY)
    chunks = iter([bytes(MIB)] * mib)
    try:
        return copy(
            fd,
            "outputs/big",
            lambda _: nullcontext((0, chunks, None)),
            Announced(size),
            lambda: None,
            keep_free,
        )
    finally:
        os.close(fd)


def main(root: Path) -> None:
    """Act, and assert every effect."""
    with pytest.raises(DiskFullError, match="no room on the disk for outputs/big"):
        take(root, 9)
    with pytest.raises(DiskFullError, match="are free"):
        take(root, 9, size=9 * MIB)
    with pytest.raises(DiskFullError, match="are to stay free"):
        take(root, 3, size=5 * MIB // 2, keep_free=1 << 40)
    assert list(root.iterdir()) == [], "the half file still takes the room"
    assert take(root, 1, size=MIB, keep_free=1 << 40) == MIB
    assert (root / "outputs/big").stat().st_size == MIB


if __name__ == "__main__":
    main(Path(sys.argv[1]))
