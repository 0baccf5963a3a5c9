"""One rename makes a staged run visible: whole, read-only, with its manifest."""

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from orchestrator.config.home import Home
from orchestrator.core.history import Entry
from orchestrator.core.names import HISTORY, MANIFEST, SPEC_SUFFIXES, folders_of
from orchestrator.store.results import disk, manifest, unpacking
from orchestrator.store.results.errors import ConflictError, MissingError
from orchestrator.store.results.fetching import FILE_MODE
from orchestrator.store.results.folders import folder_of, point_latest
from orchestrator.store.results.manifest import EndedRun, Item
from orchestrator.store.results.staging import begin
from orchestrator.store.results.unpacking import NOTHING, Unpack

FOLDER_MODE = 0o555


@dataclass(frozen=True, slots=True)
class Published:
    """A result that stands: its folder, relative to the home, and its manifest's SHA-256.

    `notes` tell of archives in it that were not, or not wholly, unpacked, and why.
    """

    path: str
    manifest_sha256: str
    notes: Sequence[str]


def publish(
    home: Home,
    run: EndedRun,
    outputs: Sequence[Item],
    *,
    spec: bytes,
    spec_suffix: str,
    history: Sequence[Entry],
    unpack: Unpack | None = None,
) -> Published:
    """Move a run from staging to `results/<job name>-<job id>/<run number>/`, once.

    `outputs` are the files that `fetch` brought in; `spec` is the spec as accepted, `spec_suffix`
    tells its format. Archives that `unpack` names are unpacked first. May be called again after a
    crash at any point: a result that stands is left as it is.

    Raises MissingError (fetch these again, then publish again), DiskFullError, ConflictError when
    another result stands there, StoppedError, ResultError, FatalStorageError.
    """
    if spec_suffix not in SPEC_SUFFIXES:
        raise ValueError(f"a spec ends in one of {SPEC_SUFFIXES}, not {spec_suffix!r}")
    lines = "".join(manifest.to_json(entry) + "\n" for entry in history)
    ours = {f"spec{spec_suffix}": spec, HISTORY: lines.encode()}
    items = [*outputs, *(_item(name, data) for name, data in ours.items())]
    render = partial(manifest.render, run, spec_sha256=_sha256(spec))
    target = f"{folder_of(run.job_name, run.job_id)}/{run.number}"
    with (
        disk.our_disk(f"the result {target}"),
        disk.folder(home.staging) as staging,
        disk.folder(home.results) as results,
    ):
        text = _standing(results, target)
        if text is None:
            begin(home, run.key)
            with disk.subfolder(staging, run.key) as top:
                unpacked = unpacking.unpack(top, unpack, outputs) if unpack else NOTHING
                items += unpacked.items
                text = render(items, notes=unpacked.notes)
                _complete(top, {**ours, MANIFEST: text}, items)
            _move(run.key, within=staging, to=target, into=results)
        elif not manifest.is_same_result(text, render(items)):
            raise ConflictError(
                f"another result stands at {target}: nothing was overwritten. Move that folder"
                f" away; what belongs there waits in {home.staging / run.key}"
            )
        _settle(results, target, folders_of(manifest.read(text)))
        disk.remove_tree(run.key, within=staging)
        disk.sync(results, "results")
        disk.sync(staging, "staging")
    path = (home.results / target).relative_to(home.root)
    return Published(str(path), _sha256(text), manifest.read_notes(text))


def take_over(home: Home, job_name: str, job_id: str, number: int) -> tuple[EndedRun, str]:
    """Return whose result stands there, and its manifest's SHA-256; finish what a kill left undone.

    For a queue that does not know the result (any more). Raises ValueError when it is not the
    result of that run, ConflictError, ResultError, FatalStorageError, DiskFullError.
    """
    target = f"{folder_of(job_name, job_id)}/{number}"
    with disk.our_disk(f"the result {target}"), disk.folder(home.results) as results:
        text = _standing(results, target) or b""
        run = manifest.read_run(text)
        if (run.job_id, run.job_name, run.number) != (job_id, job_name, number):
            raise ValueError(f"it is the result of run {run.number} of {run.job_id}")
        _settle(results, target, folders_of(manifest.read(text)))
        reason = "; ".join([run.reason, *manifest.read_notes(text)])
    return replace(run, reason=reason), _sha256(text)


def _standing(results: int, target: str) -> bytes | None:
    """Return the manifest that stands at the target, None where nothing stands."""
    try:
        with disk.subfolder(results, target) as run:
            fd = os.open(MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=run)
    except FileNotFoundError as error:
        if error.filename != MANIFEST:
            return None
        raise ConflictError(f"{target} exists without a {MANIFEST}: move it away") from None
    with os.fdopen(fd, "rb") as file:
        return file.read()


def _complete(top: int, ours: Mapping[str, bytes], items: Sequence[Item]) -> None:
    """Leave exactly the listed files in staging, all of it durable."""
    _write_synced(top, ours)
    sizes = {item.name: item.size for item in items} | {n: len(d) for n, d in ours.items()}
    missing = set(sizes) - _keep_only(top, sizes)
    if missing:
        raise MissingError(sorted(missing))


def _write_synced(top: int, files: Mapping[str, bytes]) -> None:
    """Write small files.

    Writing all of them out begins before the first is waited for: the file system commits them
    together, and the syncs after the first find little left to do (half the time on ext4). Each
    file is still synced itself.
    """
    opened = {name: disk.create(name, within=top) for name in files}
    try:
        for name, fd in opened.items():
            disk.write_all(fd, files[name])
            os.fchmod(fd, FILE_MODE)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        for name, fd in opened.items():
            disk.sync(fd, name)
    finally:
        for fd in opened.values():
            os.close(fd)


def _keep_only(top: int, sizes: Mapping[str, int]) -> set[str]:
    """Remove what does not belong, sync the folders bottom-up; return the files that are whole.

    A file of another size, or none, is possible after a power cut: its bytes were synced before
    they were counted as fetched, its name may have been lost with the folder.
    """
    whole, folders = set(), folders_of(sizes)
    for where, below, files, fd in os.fwalk(".", topdown=False, dir_fd=top):
        at = f"{where}/"[2:]  # "./outputs" → "outputs/"
        for name in files:
            path, status = at + name, os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and status.st_size == sizes.get(path):
                whole.add(path)
            else:
                os.unlink(name, dir_fd=fd)
        for name in below:
            if at + name not in folders:
                os.rmdir(name, dir_fd=fd)
        disk.sync(fd, "staging")
    return whole


def _move(key: str, *, within: int, to: str, into: int) -> None:
    job, _, number = to.partition("/")
    disk.make_folder(job, within=into)
    with disk.subfolder(into, job) as folder:
        disk.move(key, within=within, to=number, into=folder)


def _settle(results: int, target: str, folders: set[str]) -> None:
    """Make folders read-only, let `latest` follow, sync the job's folder.

    Read-only comes after the rename: moving a folder to another parent, and repairing one after a
    crash, need write permission on it. The link and the rename share one sync: both lie in the
    same folder, and if a power cut kept the link alone, publishing again brings the run.
    """
    for name in ("", *folders):
        with disk.subfolder(results, f"{target}/{name}") as fd:
            os.fchmod(fd, FOLDER_MODE)
    folder, _, number = target.partition("/")
    with disk.subfolder(results, folder) as job:
        point_latest(job, int(number))
        disk.sync(job, target)


def _item(name: str, data: bytes) -> Item:
    return Item(name, None, len(data), _sha256(data), "written here")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
