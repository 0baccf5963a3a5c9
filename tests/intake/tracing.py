"""Scans in a process that is watched, lied to or killed at a chosen system call (by strace)."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_CALL = re.compile(r"^(?P<pid>\d+) +(?P<call>\w+)\((?P<rest>.*)$", re.MULTILINE)

CHANGES = (
    "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "fsync",
    "fdatasync", "openat", "write", "pwrite64", "ftruncate",
)  # fmt: skip
"""The calls that change what is on the disk; `openat` only where it creates."""


@dataclass(frozen=True)
class Ran:
    """How a watched scan went: exit status, what it said, its system calls as strace tells them."""

    status: int
    reports: list[dict[str, Any]] = field(default_factory=list)
    error: int | None = None
    trace: str = ""

    def calls(self) -> list[tuple[str, str]]:
        """Return (name, arguments and result) of each call."""
        return [(call["call"], call["rest"]) for call in _CALL.finditer(self.trace)]

    def points(self) -> list[tuple[str, int]]:
        """Return where the scan could be killed: the n-th call of a name in one thread."""
        counted: Counter[tuple[str, str]] = Counter()
        found = set()
        for call in _CALL.finditer(self.trace):
            name = call["call"]
            counted[call["pid"], name] += 1
            if name != "openat" or "O_CREAT" in call["rest"]:
                found.add((name, counted[call["pid"], name]))
        return sorted(found)


class Tracer:
    """The program that scans, and strace to watch its children."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "strace.log"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.intake.scan_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": "."},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.kill()
        self._server.communicate()

    def scan(self, home: Path, *options: str, times: int = 2) -> Ran:
        """Scan a home some times in one process, two seconds apart, with options for strace."""
        self._write({"home": str(home), "times": times})
        pid = self._read()["pid"]
        command = ["strace", "-f", "-p", str(pid), "-o", str(self._log), *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            said = strace.stderr.readline()
            assert "attached" in said, said
            self._write({})
            told: dict[str, Any] = {}
            while "status" not in told:
                told |= self._read()
            strace.stderr.read()
        return Ran(**told, trace=self._log.read_text(errors="replace"))

    def _write(self, wish: dict[str, Any]) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(wish).encode() + b"\n")
        self._server.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer
