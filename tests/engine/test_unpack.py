"""Archives are unpacked before the results are shown, whatever happens on the way."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from orchestrator.backend import Output, RejectedError, Run, Stream
from orchestrator.core import decide
from orchestrator.core.lifecycle import RunState
from orchestrator.core.work import Work
from orchestrator.engine import Place
from orchestrator.engine.harvest import SPACE_POLL, harvest
from orchestrator.store import results
from tests.archives.making import entry, tar, zipped
from tests.engine.bench import Bench, Scripted

T = TypeVar("T")

OUTPUTS = {
    "case.tar": tar(entry(b"U", b"1 2 3\n"), entry(b"latest", kind=b"2")),
    "case/mine": b"an output of its own",
    "bad.zip": zipped((b"../bad", b"")),
    "plain.dat": b"42\n",
}
NOTES = [
    "outputs/bad.zip was not unpacked: its entry '../bad' would leave the folder",
    "outputs/case.tar was unpacked without 1 of its entries: 'latest' (symbolic link)",
]
GONE = "gone"  # by the time it is fetched


class Giving(Scripted):
    """A backend that has outputs, and counts how often they are fetched."""

    fetched = 0
    at_end: Callable[[], None] = staticmethod(lambda: None)

    @contextmanager
    def open_output(self, run: Run, output: Output, offset: int) -> Iterator[Stream]:
        """Give them."""
        del run
        if output.name == GONE:
            raise RejectedError("no such file", effect="none")
        self.fetched += 1
        yield Stream(offset, iter([OUTPUTS.get(output.name, b"")[offset:]]))
        if output.log:  # listed last
            self.at_end()


@pytest.fixture
def giving(bench: Bench) -> Giving:
    """Let the bench's backend have outputs, and a log that is called like an archive."""
    listed = [Output(name, len(data)) for name, data in OUTPUTS.items()]
    backend = Giving(bench.backend.traits)
    bench.tools.places = {"there": Place(backend, 1000)}
    backend.always["list_outputs"] = lambda: [*listed, Output("log.tar", log=True)]
    return backend


def ended(bench: Bench, *unpack: str) -> Work:
    """Bring a job as far as to a run that has ended well."""
    work = bench.running(bench.add(unpack=unpack))
    end = decide.finished(work, ok=True, why="done", exit_code=0, stopped=None, now=bench.now())
    return bench.move(work, end)


def result_of(bench: Bench, job: str) -> Path:
    """Return the folder of a job's first result."""
    return bench.tools.home.results / results.folder_of("wing", job) / "1"


@pytest.mark.usefixtures("giving")
def test_archives_are_unpacked_and_what_was_not_is_told(bench: Bench) -> None:
    """A person would look for files that are not there, and find no reason anywhere."""
    work = ended(bench, "*.tar", "*.zip")
    bench.run(harvest(bench.tools, work))
    job, run = bench.job(work.job), result_of(bench, work.job)
    assert job["state"] == "succeeded"
    assert job["reason"] == "; ".join(["done", *NOTES])
    assert bench.logged == ["warning: an archive was not wholly unpacked"] * 2
    assert (run / "outputs/case~2/U").read_bytes() == b"1 2 3\n"
    assert {path.name for path in (run / "outputs").iterdir()} == {
        "bad.zip",
        "case",
        "case.tar",
        "case~2",
        "plain.dat",
    }
    assert (run / "log.tar").exists(), "a log is no archive of the job"
    assert results.verify(run) == []


@pytest.mark.usefixtures("giving")
def test_nothing_is_unpacked_that_nobody_asked_for(bench: Bench) -> None:
    """Results would be twice as large as the job wanted them."""
    work = ended(bench)
    bench.run(harvest(bench.tools, work))
    assert bench.job(work.job)["reason"] == "done"
    assert not (result_of(bench, work.job) / "outputs/case~2").exists()


def test_while_it_waits_for_room_nothing_is_fetched_again(bench: Bench, giving: Giving) -> None:
    """A large archive would be downloaded every few seconds for as long as the disk is full."""
    work = ended(bench, "*.tar")
    giving.at_end = partial(fill, bench)
    bench.run(harvest(bench.tools, work))
    waiting = bench.read(work.job)
    assert waiting.state is RunState.HARVESTING
    assert bench.due(work.job) == pytest.approx(bench.now().steady + SPACE_POLL, abs=1)
    assert giving.fetched == len(OUTPUTS) + 1

    bench.tools.keep_free = 0
    bench.run(harvest(bench.tools, waiting))
    assert bench.job(work.job)["state"] == "succeeded"
    assert giving.fetched == len(OUTPUTS) + 1


def test_what_cannot_be_had_any_more_is_listed_anew(bench: Bench, giving: Giving) -> None:
    """One file that vanished after it was listed would keep all others from being published."""
    work = ended(bench, "*.tar")  # the listing is noted
    giving.script["list_outputs"] = [[*giving.always["list_outputs"](), Output(GONE)]]
    bench.run(harvest(bench.tools, work))
    assert bench.read(work.job).state is RunState.HARVESTING
    bench.run(harvest(bench.tools, bench.read(work.job)))
    assert bench.job(work.job)["state"] == "succeeded"
    assert not (result_of(bench, work.job) / "outputs" / GONE).exists()


def fill(bench: Bench) -> None:
    """Leave no byte that may be used."""
    disk = os.statvfs(bench.tools.home.root)
    bench.tools.keep_free = disk.f_bavail * disk.f_frsize + (64 << 20)


def test_a_daemon_that_stops_does_not_wait_for_an_archive(bench: Bench, giving: Giving) -> None:
    """A stop would take minutes, be ended by force, and the unpacking begin anew each time."""
    work = ended(bench, "*.tar")
    sound = bench.tools.in_thread

    def stop_at_publish(fn: Callable[[], T], /) -> Awaitable[T]:
        bench.tools.stopping = giving.fetched == len(OUTPUTS) + 1 and not bench.tools.stopping
        return sound(fn)

    bench.tools.in_thread = stop_at_publish
    bench.run(harvest(bench.tools, work))
    assert bench.read(work.job).state is RunState.HARVESTING
    assert list(bench.tools.home.results.iterdir()) == []
    assert bench.logged == []

    bench.tools.in_thread = sound
    bench.tools.stopping = False
    bench.run(harvest(bench.tools, bench.read(work.job)))
    assert bench.job(work.job)["state"] == "succeeded"
    assert giving.fetched == len(OUTPUTS) + 1
