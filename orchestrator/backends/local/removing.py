"""Runs that are forgotten: their folders go, whatever a job made of them."""

import contextlib
import os
import stat

from orchestrator.backend import RejectedError, TransientError
from orchestrator.backends.local.folder import opened
from orchestrator.backends.supervisor.files import FOLDER

GONE = ".gone-"  # before the name of a folder that is being removed


def remove(runs: int, key: str) -> None:
    """Remove a run's folder with everything in it, if it is there. No link is followed.

    Raises RejectedError when something in it belongs to another user.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            os.rename(key, GONE + key, src_dir_fd=runs, dst_dir_fd=runs)
        # The queue is going to forget the run: what a power cut brings back under its own name
        # would stay for ever, what it brings back under this one goes at the next start.
        os.fsync(runs)
        _remove_tree(GONE + key, runs)
    except PermissionError as error:
        raise RejectedError(
            f"the folder runs/{GONE}{key} cannot be removed, since {error.filename!r} in it is not"
            " ours; remove it by hand",
            effect="none",
        ) from None
    except OSError as error:
        raise TransientError(
            f"the run's folder cannot be removed: {error}", effect="none"
        ) from None


def remove_leftovers(runs: int) -> None:
    """Finish removals that a crash interrupted."""
    for name in os.listdir(runs):
        if name.startswith(GONE):
            with contextlib.suppress(OSError):
                _remove_tree(name, runs)


def _remove_tree(name: str, parent: int) -> None:
    """Remove a folder, however deep: the folders in its folders are moved up, level by level."""
    try:
        top = os.open(name, FOLDER, dir_fd=parent)
    except FileNotFoundError:
        return
    try:
        while names := os.listdir(top):
            for entry in names:
                if _is_folder(entry, top):
                    _flatten(entry, top)
                else:
                    os.unlink(entry, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


def _flatten(name: str, top: int) -> None:
    """Remove a folder right in `top`; its folders become folders right in `top`."""
    os.chmod(name, 0o700, dir_fd=top)  # a job may have made one that nobody may enter
    with opened(name, top) as folder:
        for entry in os.listdir(folder):
            if _is_folder(entry, folder):
                os.chmod(entry, 0o700, dir_fd=folder)
                moved = f".{os.urandom(8).hex()}"
                os.rename(entry, moved, src_dir_fd=folder, dst_dir_fd=top)
            else:
                os.unlink(entry, dir_fd=folder)
    os.rmdir(name, dir_fd=top)


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
