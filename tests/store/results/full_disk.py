"""Fetch and publish on a disk that is full, make room, go on. Run on a tmpfs of 3 MiB."""

import sys
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.store.results import DiskFullError, begin, verify
from tests.store.results.scenario import ended, fetch_all, fetch_one, new_home, publish_run

MIB = 1 << 20


def fill(path: Path) -> None:
    """Take every byte that is left."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def main(root: Path) -> None:
    """Act, and assert every effect."""
    home, run = new_home(root / "home"), ended()
    staging = begin(home, run.key)

    # Nothing was announced, and the disk fills up on the way.
    with pytest.raises(DiskFullError, match="no room on the disk for outputs/big"):
        fetch_one(staging, "outputs/big", iter([bytes(MIB)] * 9))
    assert list(staging.iterdir()) == [], "the half file still takes the room"

    # Announced: refused before the first byte, and so is what would eat into the reserve.
    with pytest.raises(DiskFullError, match="it needs 9437184 bytes"):
        fetch_one(staging, "outputs/big", iter([bytes(MIB)] * 9), size=9 * MIB)
    with pytest.raises(DiskFullError, match="are to stay free"):
        fetch_one(staging, "outputs/big", iter([bytes(MIB)]), size=MIB, keep_free=5 * MIB // 2)

    # Everything is fetched, but there is no room for what is in an archive, or for the manifest:
    # nothing is visible, and nothing of the archive takes room.
    items = fetch_all(home, run)
    fill(root / "ballast")
    with pytest.raises(
        DiskFullError, match=r"no room on the disk for what is in outputs/case\.tar"
    ):
        publish_run(home, run, items)
    with pytest.raises(DiskFullError, match="no room on the disk for the result"):
        publish_run(home, run, items, unpack=None)
    assert list(home.results.iterdir()) == []
    assert not (staging / "outputs" / "case").exists()

    # Room is made: the same call works, with the same files.
    (root / "ballast").unlink()
    published = publish_run(home, run, items)
    folder = home.root / published.path
    assert verify(folder, manifest_sha256=published.manifest_sha256) == []


if __name__ == "__main__":
    main(Path(sys.argv[1]))
