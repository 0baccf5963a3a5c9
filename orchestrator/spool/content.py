"""Reading what was claimed: the job file's bytes, and what lies beside it."""

import os
from dataclasses import dataclass
from pathlib import PurePath

from orchestrator.config.home import Home
from orchestrator.document import READERS
from orchestrator.spool.claims import Claimed
from orchestrator.spool.disk import FOLDER, READ, opened
from orchestrator.spool.lease import leased
from orchestrator.spool.names import is_request, known_as, plain, shown
from orchestrator.spool.rules import Rules
from orchestrator.spool.survey import Survey, survey


class RefusedError(Exception):
    """A drop breaks the rules. `problems`: each one line for people."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class BusyError(Exception):
    """Somebody still writes to a drop although it was claimed: to be read again later."""


@dataclass(frozen=True, slots=True)
class Content:
    """A drop that keeps to the rules, and is on the disk.

    `file` is the name people know its job file by, `drop` the exact name of the drop, `stem` what
    people call the whole of it. `beside` are all other files of a folder by their path; None for a
    single file.
    """

    text: bytes
    file: str
    drop: str
    stem: str
    uid: int
    beside: dict[str, os.stat_result] | None


def open_drop(home: Home, claimed: Claimed, rules: Rules) -> Content:
    """Read a claimed drop.

    Raises RefusedError when it breaks the rules, and BusyError when it is being written to.
    """
    with opened((home.archive if claimed.archived else home.claimed) / claimed.id, FOLDER) as fd:
        found = survey(fd, claimed.name, rules)
        if found.writer == "some":
            raise BusyError
        drop = plain(claimed.name)
        if found.problems or drop is None:
            raise RefusedError(*found.problems)
        if found.is_folder:
            return _folder(fd, drop, found, rules)
        if PurePath(drop).suffix.lower() not in READERS:
            raise RefusedError(
                "it is not a job file: its name must end in .toml, .yaml, .yml or .json"
                " (input files belong into one folder with a job.toml)"
            )
        file = known_as(drop)
        text = _read(fd, drop, found.top, rules)
        return Content(text, file, drop, PurePath(file).stem, found.top.st_uid, None)


def _folder(fd: int, drop: str, found: Survey, rules: Rules) -> Content:
    if is_request(drop.encode()):
        raise RefusedError("it is a folder; a request is a single file")
    match found.spec_names:
        case [spec]:
            pass
        case []:
            raise RefusedError("it holds no job.toml, job.yaml, job.yml or job.json")
        case several:
            raise RefusedError(f"it holds {' and '.join(several)}; keep one of them")
    with opened(drop, FOLDER, fd) as top_fd:
        text = _read(top_fd, spec, found.files[spec.encode()], rules)
        _sync_all(top_fd)
    beside = {os.fsdecode(path): status for path, status in found.files.items()}
    uid = beside.pop(spec).st_uid
    return Content(text, spec, drop, known_as(drop), uid, beside)


def _read(fd: int, name: str, status: os.stat_result, rules: Rules) -> bytes:
    """Read a file that nobody changes meanwhile, and see that it is on the disk."""
    if status.st_size > rules.largest_spec:
        raise RefusedError(f"{shown(name.encode())}: is larger than {rules.largest_spec} bytes")
    with opened(name, READ, fd) as file, leased(file) as writer:
        data = bytearray()
        while chunk := os.read(file, rules.largest_spec + 1 - len(data)):
            data += chunk
        os.fsync(file)
        after = os.fstat(file)
    before_ids = (status.st_ino, status.st_size, status.st_mtime_ns)
    after_ids = (after.st_ino, after.st_size, after.st_mtime_ns)
    if writer == "some" or before_ids != after_ids or len(data) != after.st_size:
        raise BusyError
    return bytes(data)


def _sync_all(folder_fd: int) -> None:
    """Put every file and folder below on the disk: the copy that was dropped may not be yet."""
    with os.scandir(folder_fd) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in names:
        with opened(name, FOLDER if is_folder else READ, folder_fd) as fd:
            if is_folder:
                _sync_all(fd)
            else:
                os.fsync(fd)
    os.fsync(folder_fd)
