"""A service's stand-in as a process: killed, restarted, its clock moved, and what it has seen."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx


class Cloud:
    """One account over there, and who else uses it."""

    def __init__(
        self, kind: str, program: list[str], environment: Mapping[str, str], root: Path
    ) -> None:
        self._command = [*program, "emulate", kind, "--root", str(root)]
        self._environment, self._root = dict(environment), root
        self._fired: Counter[str] = Counter()
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.facts: dict[str, Any] = {}

    def start(self, *words: str) -> None:
        """Start it, or start it again at the same address."""
        command = [*self._command, "--port", str(self._port), *words]
        self._process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.facts = json.loads(self._process.stdout.readline())
        self._port = int(self.facts["control"].split("/")[2].rpartition(":")[2])

    def kill(self) -> None:
        """End it as a crash does."""
        self._fired = self.fired()
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def stop(self) -> None:
        """End it in order, and with it what runs there."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()

    def told(self) -> dict[str, Any]:
        """Return what it knows."""
        known: dict[str, Any] = httpx.get(self.facts["control"]).raise_for_status().json()
        return known

    def fired(self) -> Counter[str]:
        """Return how often each fault struck, in all its lives."""
        return self._fired + Counter(self.told()["fired"])

    def put(self, *faults: str) -> None:
        """Switch faults on, in place of all that were."""
        httpx.put(f"{self.facts['control']}/faults", json=list(faults)).raise_for_status()

    def left(self, faults: Iterable[str]) -> list[str]:
        """Return those of the faults that have not struck yet, each to strike once."""
        fired = self.fired()
        return [it + ",times=1" for it in faults if re.split("[,=]", it)[0] not in fired]

    def move(self, seconds: float) -> None:
        """Move its clock ahead."""
        url = f"{self.facts['control']}/clock"
        httpx.post(url, json={"ahead": seconds}).raise_for_status()

    def others_call(self, count: int) -> None:
        """Make calls of somebody else who shares the account."""
        url = f"{self.facts['control']}/calls"
        httpx.post(url, json={"count": count}).raise_for_status()

    def calls(self) -> Counter[str]:
        """Return how many calls to the service it answered or broke off, in all its lives.

        Those to its storage are none.
        """
        log = self._root / "calls.log"
        lines = log.read_text().splitlines() if log.exists() else []
        routes = [json.loads(line)["call"] for line in lines]
        return Counter(route for route in routes if "/s3/" not in route)

    def stored(self) -> set[bytes]:
        """Return the contents of all files in its storage."""
        return {path.read_bytes() for path in (self._root / "objects").rglob("*") if path.is_file()}
