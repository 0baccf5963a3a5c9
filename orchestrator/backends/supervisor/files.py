"""What the supervisor and the backend leave on the disk, and how it gets there whole."""

import json
import os

WORK, LOCK, STARTED, PID, EXIT = "work", "lock", "started.json", "pid.json", "exit.json"
RESERVE = 4096  # bytes, more than an end has
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def boot_id() -> str:
    """Return what names this boot of the machine; empty where /proc/sys is hidden."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def exists(name: str, folder: int) -> bool:
    """Whether there is an entry of this name in the folder (an open descriptor)."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def read_json(name: str, folder: int) -> dict[str, object] | None:
    """Return the object in a file, None without the file; raise ValueError for anything else."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        value = json.load(file)
    if not isinstance(value, dict):
        raise ValueError(f"{name} does not hold an object")  # noqa: TRY004 - bad content, not a bad call
    return value


def reserve(name: str, folder: int) -> None:
    """Take the room now that `replace_json` will need, so that it works on a full disk too."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(_reserved(name), flags, 0o600, dir_fd=folder)
    try:
        os.posix_fallocate(descriptor, 0, RESERVE)
    finally:
        os.close(descriptor)


def replace_json(name: str, value: object, folder: int) -> None:
    """Put a whole file in place that survives a power cut; raise OSError and leave none.

    What was reserved for it is written into, and not given up when that fails.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(_reserved(name), flags, 0o600, dir_fd=folder)
    with open(descriptor, "wb") as file:
        file.truncate(file.write(json.dumps(value).encode()))
        os.fsync(descriptor)
    os.rename(_reserved(name), name, src_dir_fd=folder, dst_dir_fd=folder)
    _sync_or_remove(name, folder)


def _reserved(name: str) -> str:
    return f".{name}.tmp"


def create_json(name: str, value: object, folder: int, *, synced: bool) -> None:
    """Write a new file of which it matters most that it is there; raise OSError and leave none.

    It costs half of `replace_json`, but a crash may leave it without its content.
    """
    _write(name, value, folder, synced=synced)
    if synced:
        _sync_or_remove(name, folder)


def _write(name: str, value: object, folder: int, *, synced: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(json.dumps(value).encode())
            file.flush()
            if synced:
                os.fsync(descriptor)
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise


def _sync_or_remove(name: str, folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise
