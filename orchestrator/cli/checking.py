"""A job file or folder on the user's side, checked with the daemon's own checks."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from orchestrator.config import Config, Home
from orchestrator.core.spec import JobSpec
from orchestrator.daemon.entry import read_with, rules_of
from orchestrator.document import READERS, Document, Problem, ProblemsError, parse
from orchestrator.intake.inputs import inputs_of
from orchestrator.spool import Content, DropError, Rules
from orchestrator.spool.names import SPEC_NAMES


@dataclass(frozen=True, slots=True)
class Checked:
    """A job that the daemon would accept, and what to drop of it.

    `files` are the files that go with it by their path in the drop; None: the job file alone.
    """

    path: Path
    spec: JobSpec
    data: bytes
    stem: str
    suffix: str
    files: Mapping[str, Path] | None


def check_file(config: Config, home: Home, path: Path) -> Checked:
    """Check one FILE of the command line.

    Raises ProblemsError with everything that is wrong with its text, and DropError when it cannot
    be read or breaks a rule of the spool.
    """
    rules = rules_of(config)
    try:
        file = _spec_in(path) if path.is_dir() else path
        if file.suffix.lower() not in READERS:
            raise DropError(f"{path}: a job file ends in .toml, .yaml, .yml or .json")
        data = _read(file, rules)
        if path.is_dir():
            stem = path.resolve().name
            files: dict[str, Path] | None = _beside(path, file, rules)
        else:
            stem, files = path.stem, _named(parse(data, str(path)), path.parent)
    except OSError as error:
        raise DropError(f"{error.filename}: {error.strerror}") from None
    stats = None if files is None else {name: source.stat() for name, source in files.items()}
    spec = read_with(config)(data, str(file), default_name=stem)
    content = Content(data, str(file), stem, stem, os.geteuid(), stats)
    inputs_of(spec, content, home.state)
    return Checked(path, spec, data, stem, file.suffix.lower(), files)


def _spec_in(folder: Path) -> Path:
    found = [name for name in SPEC_NAMES if (folder / name).is_file()]
    match found:
        case [name]:
            return folder / name
        case []:
            raise DropError(f"{folder}: holds no {', '.join(SPEC_NAMES[:-1])} or {SPEC_NAMES[-1]}")
        case _:
            raise DropError(f"{folder}: holds {' and '.join(found)}; keep one of them")


def _read(file: Path, rules: Rules) -> bytes:
    if not file.is_file() and file.exists():
        raise DropError(f"{file}: is not a regular file")
    with file.open("rb") as opened:
        data = opened.read(rules.largest_spec + 1)
    if len(data) > rules.largest_spec:
        raise DropError(f"{file}: is larger than {rules.largest_spec} bytes")
    return data


def _beside(folder: Path, spec: Path, rules: Rules) -> dict[str, Path]:
    """Return all other files of a folder that is dropped whole."""
    files = {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != spec
    }
    if len(files) > rules.most_files:
        raise DropError(f"{folder}: holds more than {rules.most_files} files")
    if sum(path.stat().st_size for path in files.values()) > rules.largest_folder:
        raise DropError(f"{folder}: holds more than {rules.largest_folder} bytes")
    return files


def _named(document: Document, folder: Path) -> dict[str, Path] | None:
    """Return the files that a single job file names relative to itself; None without any.

    What is not there, or no text, is left to the daemon's check of the same job.
    """
    inputs = document.tree.get("inputs")
    named = {
        name: source
        for name, source in (inputs.items() if isinstance(inputs, dict) else ())
        if isinstance(source, str) and not source.startswith("/")
    }
    if astray := [_astray(document, *pair) for pair in named.items() if not _is_below(pair[1])]:
        raise ProblemsError(astray)
    files = {source: folder / source for source in named.values() if (folder / source).is_file()}
    return files if named else None


def _is_below(source: str) -> bool:
    """Whether a path stays below its folder, and is written in the one way the daemon knows."""
    path = PurePosixPath(source)
    return ".." not in path.parts and str(path) == source


def _astray(document: Document, name: str, source: str) -> Problem:
    expected = "a plain path below the folder of the job file, or an absolute path"
    return document.problem(("inputs", name), expected, repr(source))
