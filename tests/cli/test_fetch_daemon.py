"""`orchestrator fetch` beside a real daemon: killed, interrupted, several at once."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import pytest

from orchestrator.backend import RejectedError
from orchestrator.cli.fault import Fault
from orchestrator.cli.handing import folder_to_fill
from orchestrator.config.home import Home
from orchestrator.core.lifecycle import Event, Outcome
from orchestrator.daemon.calling import call
from orchestrator.daemon.clock import read_anchor
from orchestrator.daemon.looking import FETCH, SHOWN, SYNC
from orchestrator.daemon.serve import prepare
from orchestrator.daemon.wire import Question
from orchestrator.store import migrate
from orchestrator.store.copying import PART
from orchestrator.store.home import found_home
from orchestrator.store.sqlite import connect_writer
from tests import probe
from tests.cli.bench import HOME_ID, ROOT, Bench
from tests.cli.looks import CONFIG, TWO, Shelf, files

PROGRAM = [sys.executable, "-m", "orchestrator"]
Popen = subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class World:
    """A home with a daemon, a run that goes on, and one that has ended."""

    home: Home
    shelf: Shelf
    daemon: Popen
    environment: dict[str, str]
    job: str
    run: str
    ended: str

    def fetch(self, folder: Path) -> Popen:
        """Start a look."""
        command = [*PROGRAM, "fetch", self.job, "--to", str(folder)]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)


@contextmanager
def served(root: Path) -> Iterator[World]:
    """Serve a home."""
    home = Home(root / "home")
    prepare(home)
    shelf = Shelf(root / "shelf")
    home.config.write_text(CONFIG.format(shelf.folder))
    conn = connect_writer(home.database)
    migrate.migrate(conn, home.backups)
    found_home(conn, HOME_ID, read_anchor(1000.0))
    bench = Bench(home, conn)
    job = bench.job(backend="shelf")
    run, ended = bench.running(job), bench.running(bench.job(backend="shelf", name="other"))
    bench.move(ended, Event.FINISHED, outcome=Outcome.SUCCEEDED)
    conn.close()
    probe.install(root / "site", "shelf")
    environment = os.environ | {
        "PYTHONPATH": f"{root / 'site'}:{ROOT}",
        "ORCHESTRATOR_HOME": str(home.root),
    }
    with subprocess.Popen(
        [*PROGRAM, "serve"], env=environment, stderr=subprocess.PIPE, text=True
    ) as daemon:
        assert daemon.stderr is not None
        assert any("ready" in line for line in daemon.stderr)
        yield World(home, shelf, daemon, environment, job, run, ended)
        daemon.kill()


@pytest.fixture(scope="module")
def everybodys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One daemon for all tests that leave it as it is."""
    with served(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(everybodys: World) -> Iterator[World]:
    """A daemon, which goes on after the test."""
    everybodys.shelf.put(TWO)
    yield everybodys
    assert everybodys.daemon.poll() is None


@contextmanager
def in_the_middle(world: World, folder: Path) -> Iterator[Popen]:
    """Start a look that has one file and half of another, for which the gate must be opened."""
    world.shelf.put({"stdout": b"said\n", "big": b"12345678"})
    world.shelf.gate.unlink(missing_ok=True)
    os.mkfifo(world.shelf.gate)
    with world.fetch(folder) as fetching:
        open_gate(world.shelf)  # as soon as the first file has come to its middle
        while not (folder / "stdout").exists() or not any(
            path.name.startswith(PART) for path in folder.iterdir()
        ):
            assert fetching.poll() is None
        yield fetching


def open_gate(shelf: Shelf) -> None:
    """Let the other half of a file pass, as soon as it is wanted."""
    with shelf.gate.open("w"):
        pass


WHOLE = {"stdout": b"said\n", "outputs/big": b"12345678"}


def test_a_daemon_killed_in_the_middle_leaves_whole_files(tmp_path: Path) -> None:
    """Half a file would lie there under its name; or the command would wait for ever."""
    with served(tmp_path) as world, in_the_middle(world, tmp_path / "look") as fetching:
        world.daemon.kill()
        _, said = fetching.communicate(timeout=60)
    assert fetching.returncode == 75
    assert said.splitlines() == [
        "orchestrator: shelf: the daemon ended, or refused, before it answered",
        f"orchestrator: what came whole is in {tmp_path}/look; it is no result",
    ]
    assert files(tmp_path / "look") == {"stdout": b"said\n"}


def test_an_interrupted_look_is_broken_off_over_there_too(world: World, tmp_path: Path) -> None:
    """Who loses patience would be left with rubbish, or the daemon would copy for nobody."""
    folder = tmp_path / "look"
    with in_the_middle(world, folder) as fetching:
        fetching.send_signal(signal.SIGINT)
        _, said = fetching.communicate(timeout=60)
        assert fetching.returncode == 130
        assert said == f"orchestrator: what came whole is in {folder}; it is no result\n"
        assert files(folder) == {"stdout": b"said\n"}
        (how := world.shelf.folder / "how").unlink()
    while not how.exists() or not how.read_text():
        assert world.daemon.poll() is None
        with suppress(OSError):  # nobody need wait there any more
            os.close(os.open(world.shelf.gate, os.O_WRONLY | os.O_NONBLOCK))
    assert how.read_text() == "CancelledError"
    assert files(folder) == {"stdout": b"said\n"}


def test_two_looks_at_once_do_not_mix(world: World, tmp_path: Path) -> None:
    """Files of two moments would stand side by side as if they were of one."""
    folder = tmp_path / "look"
    with in_the_middle(world, folder) as fetching:
        with pytest.raises(Fault, match="is not empty"), folder_to_fill(folder, ""):
            pass
        gate = world.shelf.gate.rename(world.shelf.folder / "opened later")
        with world.fetch(tmp_path / "other") as other:
            assert other.wait(60) == 0
        assert not (folder / "outputs/big").exists()
        gate.rename(world.shelf.gate)
        open_gate(world.shelf)
        assert fetching.wait(60) == 0
    assert files(folder) == files(tmp_path / "other") == WHOLE


def test_a_folder_that_vanishes_is_said(world: World, tmp_path: Path) -> None:
    """A person who tidies up would see a traceback, or the daemon would end of it."""
    folder = tmp_path / "look"
    with in_the_middle(world, folder) as fetching:
        shutil.rmtree(folder)
        open_gate(world.shelf)
        _, said = fetching.communicate(timeout=60)
    assert fetching.returncode == 1
    assert said == "orchestrator: shelf: the folder was removed; 1 files had come\n"
    assert not folder.exists()


def test_what_is_no_folder_of_ours_is_not_written_to(world: World, tmp_path: Path) -> None:
    """A stray program at the socket could have the daemon write where it should not."""
    (tmp_path / "file").write_text("mine")
    ask = partial(call, world.home.control, Question("shelf", FETCH, (world.run,)))
    with pytest.raises(RejectedError, match="needs a folder for"):
        ask()
    with (tmp_path / "file").open() as file, pytest.raises(RejectedError, match="something else"):
        ask(file.fileno())
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.needs("root")
def test_a_folder_of_somebody_else_is_not_written_to(world: World, tmp_path: Path) -> None:
    """Files of the daemon's user would lie where another one may remove them."""
    os.chown(tmp_path, 65534, 65534)
    fd = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(RejectedError, match="another user"):
        call(world.home.control, Question("shelf", FETCH, (world.run,)), fd)
    os.close(fd)
    assert list(tmp_path.iterdir()) == []


def test_only_a_run_that_is_under_way_is_looked_at(world: World) -> None:
    """A run that ends while somebody asks would be a traceback; another's would be shown."""
    wrong: list[tuple[str, ...]] = [
        (),
        (world.run, world.run),
        ("nobody",),
        ("\0",),
        (world.ended,),
    ]
    for verb, words in product((SYNC, SHOWN, FETCH), wrong):
        with pytest.raises(RejectedError, match="not under way"):
            call(world.home.control, Question("shelf", verb, words))
    assert world.shelf.syncs == []
