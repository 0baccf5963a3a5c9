"""Unpack an archive for real, in a folder among others, and look at everything that came of it."""

import hashlib
import itertools
import os
import stat
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from orchestrator.archives import Limits, RefusedError, files, survey
from orchestrator.store.results import disk
from orchestrator.store.results.manifest import Item
from orchestrator.store.results.unpacking import Unpack, unpack

ARCHIVE, FOLDER = "outputs/case.tar", "outputs/case"
MINE = b"not yours"
_number = itertools.count()


@dataclass(frozen=True, slots=True)
class Came:
    """The files that were unpacked, by path, and what was told of the rest."""

    files: dict[str, bytes]
    notes: list[str]


def release(root: Path, data: bytes) -> Came:
    """Unpack one archive; assert that only plain files came of it, and nothing outside its folder.

    They must be those that the manifest will list, read-only, and each a file of its own.
    """
    top = root / f"{next(_number)}" / "staging"
    (top / "outputs").mkdir(parents=True)
    for near in (top.parent / "mine", top / "mine", top / "outputs" / "mine"):
        near.write_bytes(MINE)
    (top / ARCHIVE).write_bytes(data)
    before = _walk(top.parent)
    item = Item(ARCHIVE, "case.tar", len(data), hashlib.sha256(data).hexdigest(), "size")
    with disk.folder(top) as fd:
        wanted = Unpack({ARCHIVE: FOLDER}, lambda: False, 0)
        done = unpack(fd, wanted, [item])
    after = _walk(top.parent)
    folder = f"staging/{FOLDER}"
    came = {path for path in after if path == folder or path.startswith(f"{folder}/")}
    assert {path: after[path] for path in after.keys() - came} == before
    plain = {}
    for path in came:
        status = (top.parent / path).lstat()
        assert stat.S_IFMT(status.st_mode) in {stat.S_IFREG, stat.S_IFDIR}, path
        if stat.S_ISREG(status.st_mode):
            assert stat.S_IMODE(status.st_mode) == 0o444
            assert status.st_nlink == 1
            plain[path.removeprefix(f"{folder}/")] = (top.parent / path).read_bytes()
    assert plain.keys() == {it.name.removeprefix(f"{FOLDER}/") for it in done.items}
    for it in done.items:
        found = plain[it.name.removeprefix(f"{FOLDER}/")]
        assert (it.size, it.sha256) == (len(found), hashlib.sha256(found).hexdigest())
        assert (it.verified, it.archive) == ("unpacked here", ARCHIVE)
    assert len(done.notes) <= 1
    return Came(plain, list(done.notes))


def refusal(root: Path, data: bytes) -> str:
    """Return why an archive was refused; assert that nothing of it was unpacked."""
    came = release(root, data)
    assert came.files == {}
    [note] = came.notes
    begin = f"{ARCHIVE} was not unpacked: "
    assert note.startswith(begin)
    return note.removeprefix(begin)


def read(data: bytes) -> dict[str, bytes] | None:
    """Return the files of an archive, None when it is refused; nothing is written."""
    file, limits = BytesIO(data), Limits(1 << 24)
    try:
        survey(file, limits, lambda: None)
        return {it.path: b"".join(it.chunks) for it in files(file, limits, lambda: None)}
    except RefusedError:
        return None


def _walk(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of everything below a folder; links are not followed."""
    found = {}
    for folder, below, names in os.walk(root):
        for name in below + names:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            content = path.read_bytes() if stat.S_ISREG(mode) else b""
            found[str(path.relative_to(root))] = mode, content
    return found
