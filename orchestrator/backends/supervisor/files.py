"""What the supervisor and the backend leave on the disk, and how it gets there whole."""

import ctypes
import json
import os
import stat

WORK, LOCK, STARTED, PID, EXIT = "work", "lock", "started.json", "pid.json", "exit.json"
MANY = 100  # from so many files on, one sync of the file system is cheaper than one for each
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


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


def write_json(name: str, value: object, folder: int, *, synced: bool) -> None:
    """Put a whole file in place, or raise OSError and leave none; synced, it survives a power cut.

    Without `synced` it only survives this process.
    """
    temporary = f".{name}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(json.dumps(value).encode())
        file.flush()
        if synced:
            os.fsync(file.fileno())
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    if not synced:
        return
    try:
        os.fsync(folder)
    except OSError:
        os.unlink(name, dir_fd=folder)
        raise


def sync_outputs(run: int) -> None:
    """Bring every output of a run to the disk, with the folders that name them.

    They must be there before the run's end is: otherwise a power cut leaves a run that ended well,
    with files that are empty. Raises OSError when the disk fails or is full.
    """
    _sync_file("stdout", run)
    _sync_file("stderr", run)
    seen = 0
    for _, folders, names, folder in os.fwalk(WORK, dir_fd=run):
        seen += len(names)
        if seen > MANY:
            _sync_file_system(folder)
            return
        for name in names:
            _sync_file(name, folder)
        if folders or names:
            os.fsync(folder)


def _sync_file(name: str, folder: int) -> None:
    """Bring one file to the disk, unless it is empty, not regular or may not be read."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode) or found.st_size == 0:
        return
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_file_system(folder: int) -> None:
    if _libc.syncfs(folder) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def adopt_orphans() -> None:
    """Become the parent of whatever a descendant leaves behind; raise OSError if refused."""
    set_child_subreaper = 36  # PR_SET_CHILD_SUBREAPER
    if _libc.prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
