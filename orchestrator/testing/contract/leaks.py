"""A whole daemon at work while its service fails: nothing runs twice, and no secret gets out."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from orchestrator.testing.canary import Leak
from orchestrator.testing.contract.ground import Ground
from orchestrator.testing.contract.service import Service, running

TIMES = 40
LOOK_EVERY = 0.2  # seconds


class LeaksNothing(Ground):
    """Tests of the real program against a stand-in that is a process of its own."""

    @pytest.fixture
    def faulty(self, tmp_path: Path) -> Iterator[Service]:
        """Run the stand-in with many faults on from its beginning, each a time or two."""
        faults = [
            f"drop-after,times=1,on={self.stand_in.starts}",
            f"too-many,times=1,skip=1,on={self.stand_in.starts}",
            *(f"{fault},times=1,skip=7" for fault in ("html", "wrong-bytes", "short-body")),
            f"cut=90,times=1,on={self.stand_in.fetches}",
            "expired-urls,times=1",
            *(f"{fault},times=1,skip=5" for fault in self.stand_in.own),
        ]
        with running(self.stand_in, tmp_path / "service", "process", *faults) as service:
            yield service

    def test_a_daemon_at_work_shows_no_secret_to_anybody(
        self, faulty: Service, tmp_path: Path
    ) -> None:
        """Who may read a log, a backup or the list of processes would have the account."""
        home = tmp_path / "home"
        _orchestrator(home, "init")
        (home / "orchestrator.toml").write_text(faulty.configuration, "utf-8")
        bodies, deck = self.stand_in.bodies, self.stand_in.bodies.content(TIMES)
        wanted = {
            "copies": (bodies.copies("in.dat", "out.dat"), {"in.dat": deck}),
            "fails": (bodies.fails(3), {}),
        }
        for name, (options, files) in wanted.items():
            table = self.stand_in.apart(faulty, options)
            _drop(tmp_path / name, faulty.backend, table, files)
            _orchestrator(home, "submit", str(tmp_path / name))
        leaks: list[Leak] = []
        with _serving(home) as daemon:
            while daemon.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    daemon.wait(LOOK_EVERY)
                leaks += _leaks(faulty, home, daemon.pid)
        _orchestrator(home, "backup", "--to", str(home / "state/backups/by-hand.db"))
        told = faulty.told()
        gives = self.stand_in.gives
        assert bool(told["given"]) is gives, "it gave no secret that could have leaked"
        assert sum(told["fired"].values()) >= len(told["fired"]) >= 5, told["fired"]
        assert not [*leaks, *_leaks(faulty, home, os.getpid())]
        assert len(told["starts"]) == len({tuple(it["tags"]) for it in told["starts"]}) == 2
        out = bodies.named("out.dat")
        assert [path.read_bytes() for path in home.glob(f"results/*/1/outputs/{out}")] == [deck]
        assert len(list(home.glob("results/*/1/MANIFEST.json"))) == len(wanted)


def _leaks(service: Service, home: Path, process: int) -> Sequence[Leak]:
    canary = service.canary()
    return [*canary.below(home), *canary.around(process)]


def _drop(folder: Path, backend: str, table: Any, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"backend": backend, "run": table}), "utf-8")
    for name, data in {**files, **getattr(table, "inputs", {})}.items():
        (folder / name).write_bytes(data)


def _orchestrator(home: Path, *words: str) -> None:
    command = [sys.executable, "-m", "orchestrator", *words]
    subprocess.run(command, env=_environment(home), check=True, capture_output=True)


@contextmanager
def _serving(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon until it is idle; what it says goes to a file in its home."""
    command = [sys.executable, "-m", "orchestrator", "serve", "--until-idle"]
    with (home / "said").open("wb") as said:
        daemon = subprocess.Popen(command, env=_environment(home), stdout=said, stderr=said)
        try:
            yield daemon
        finally:
            daemon.kill()
            daemon.wait()


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {"ORCHESTRATOR_HOME": str(home)}
