"""The machine's disk: what a run finds there, and what it leaves."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.emulators.cloudhpc.scripts import CALCULIX, ScriptError

FORBIDDEN = frozenset(",()'$~\"#*? ")
ARCHIVES = (".tar.gz", ".tgz")
CALCULIX_ARCHIVE = "CALCULIX.tar.gz"


def not_detected(name: str) -> str:
    """Return what the output says of a folder that is not there, or has a bad name."""
    return (
        f"@@@ FOLDER {name} not detected\n"
        "@@@ - make sure you correctly defined the FOLDER in STORAGE\n"
        "@@@ - characters like , ( ) MUST NOT be present in FOLDER name"
    )


def furnish(folder: Path, plain: Mapping[str, Path], archives: Sequence[Path]) -> None:
    """Fill an empty folder: with files by their names in it, then with what archives hold.

    Raises ScriptError for an archive that is none, and for a name that no file may have.
    """
    for name, source in plain.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for archive in archives:
        words = ["--no-same-owner", "--directory", str(folder), "--file", str(archive)]
        done = subprocess.run(
            ["tar", "--extract", "--gzip", *words], capture_output=True, check=False
        )
        if done.returncode:
            raise ScriptError(f"archive not recognized: {done.stderr.decode(errors='replace')}")
    for name in _files(folder):
        if FORBIDDEN & set(name):
            raise ScriptError(f"file name not recognized: {name}")


def digests(folder: Path) -> dict[str, str]:
    """Return a digest of every file below a folder."""
    return {name: _digest(path) for name, path in _files(folder).items()}


def results(script: str, folder: Path, before: Mapping[str, str], keep: Path) -> dict[str, Path]:
    """Return what is new or changed in a folder, as the script hands it over, by its name.

    The files are copies below `keep`, which the work under way does not change any more.
    """
    shutil.rmtree(keep, ignore_errors=True)
    for name, path in _files(folder).items():
        copy = keep / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # the program removed it this moment
            shutil.copyfile(path, copy)
    found = {name: path for name, path in _files(keep).items() if before.get(name) != _digest(path)}
    if not script.startswith(CALCULIX):
        return found
    plain = {name: path for name, path in found.items() if name.endswith((".dat", ".sta"))}
    if found:
        plain[CALCULIX_ARCHIVE] = keep / CALCULIX_ARCHIVE
        with tarfile.open(plain[CALCULIX_ARCHIVE], "w:gz") as archive:
            for name, path in found.items():
                archive.add(path, name)
    return plain


def _files(folder: Path) -> dict[str, Path]:
    """Return the regular files below a folder by their names in it, in their order."""

    def found() -> Iterator[tuple[str, Path]]:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield os.fsencode(path.relative_to(folder)).decode(errors="replace"), path

    return dict(found())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
