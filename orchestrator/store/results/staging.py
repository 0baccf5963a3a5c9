"""Outputs on their way in: `state/staging/<run key>/`, laid out as the result will be."""

from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.store.results import disk, parts


def begin(home: Home, key: str) -> Path:
    """Return the staging folder of a run, made if it is not there.

    Files of earlier tries stay in it. After a new listing of outputs, `discard` it first: what
    was a file may have become a folder. Raises as `fetch` does for the disk.
    """
    staging = home.staging / key
    with disk.our_disk(f"the staging folder {key}"):
        staging.mkdir(mode=0o700, exist_ok=True)
        parts.remove_stale(staging)
    return staging


def discard(home: Home, key: str) -> None:
    """Remove what is left of a run in staging, if anything. Raises as `fetch` does for the disk."""
    with disk.our_disk(f"the staging folder {key}"), disk.folder(home.staging) as top:
        disk.remove_tree(key, within=top)


def leftovers(home: Home) -> list[str]:
    """Return the keys of the runs that have a staging folder; for `fsck`."""
    return sorted(path.name for path in home.staging.iterdir())
