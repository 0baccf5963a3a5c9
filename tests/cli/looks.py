"""What the tests of `orchestrator fetch` share: a shelf that they fill, and looks at it."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator import cli
from orchestrator.config.home import Home
from tests.cli.bench import Answer
from tests.shelf import file_of

TWO = {"a/b.dat": b"beam", "stdout": b"said\n"}
LAID_OUT = {"outputs/a/b.dat": b"beam", "stdout": b"said\n"}
CONFIG = '[backends.shelf]\nkind = "shelf"\nshelf = "{}"\n'


class Shelf:
    """The shelf of a test: its folder, and what is on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.put({})

    def put(
        self,
        files: Mapping[str, bytes | None],
        *,
        log: str = "stdout",
        listing: str = "listing.json",
        **said: Any,
    ) -> None:
        """List files, with their sizes; None is a file that has gone since."""
        for name, data in files.items():
            if data is not None:
                (self.folder / file_of(name)).write_bytes(data)
        listed = [
            {"name": name, "size": len(data or b""), "log": name == log} | said
            for name, data in files.items()
        ]
        (self.folder / listing).write_text(json.dumps(listed))

    def fail(self, error: str) -> None:
        """Fail at every listing."""
        (self.folder / "listing.json").write_text(json.dumps(error))

    @property
    def gate(self) -> Path:
        """Where there is a pipe, outputs are read to their middle until it was opened."""
        return self.folder / "gate"

    @property
    def syncs(self) -> list[str]:
        """What was asked to be shown."""
        path = self.folder / "syncs"
        return path.read_text().splitlines() if path.exists() else []


def in_process(
    home: Home, words: tuple[str | Path, ...], capfd: pytest.CaptureFixture[str]
) -> Answer:
    """Run a command in this process, which knows the kinds of other packages too."""
    capfd.readouterr()
    code = cli.run(["--home", str(home.root), *map(str, words)])
    return subprocess.CompletedProcess(words, code, *capfd.readouterr())


def files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if not path.is_dir()
    }
