"""`orchestrator fetch` without a daemon: what comes, what is said, and what is refused."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.fault import Fault
from orchestrator.cli.handing import folder_to_fill
from orchestrator.cli.waiting import pauses
from orchestrator.config.home import Home
from orchestrator.core.lifecycle import Event, JobState, Outcome
from orchestrator.core.work import Hold
from orchestrator.registry import kinds
from orchestrator.store.copying import PART
from tests import probe
from tests.cli.bench import Answer, Bench, Run
from tests.cli.looks import CONFIG, LAID_OUT, TWO, Shelf, files, in_process


@pytest.fixture
def shelf(tmp_path: Path, home: Home) -> Shelf:
    """A shelf that the home's configuration names."""
    shelf = Shelf(tmp_path / "shelf")
    home.config.write_text(CONFIG.format(shelf.folder))
    return shelf


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Return a way to run a command in this process, with the kind of another package."""
    probe.install(tmp_path / "site", "shelf")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    kinds.cache_clear()

    def command(*words: str | Path) -> Answer:
        return in_process(home, words, capfd)

    yield command
    kinds.cache_clear()


@pytest.fixture
def job(bench: Bench, shelf: Shelf) -> str:
    """A job whose run goes on."""
    assert shelf.folder.is_dir()
    job = bench.job(backend="shelf")
    bench.running(job)
    return job


def test_a_look_lays_files_out_as_a_result_and_says_that_it_is_none(
    run: Run, shelf: Shelf, job: str, here: Path, home: Home
) -> None:
    """A person would wait a day to see what went wrong, or take what he sees for the result."""
    shelf.put(TWO)
    answer = run("fetch", "beam")
    assert answer.returncode == 0, answer.stderr
    [folder] = here.iterdir()
    assert re.fullmatch(r"beam-partial-\d{8}T\d{6}", folder.name)
    assert files(folder) == LAID_OUT
    assert answer.stdout.splitlines() == [
        f"{folder.name}: 2 files, 0 kB",
        "this is no result: it is what run 1 of beam had left on shelf so far; the run goes on",
    ]
    again = json.loads(run("fetch", job, "--json", "--to", "look").stdout)
    assert again == {
        "job": job,
        "run": 1,
        "result": False,
        "folder": str(here / "look"),
        "early": True,
        "files": 2,
        "bytes": 9,
        "missing": 0,
        "notes": [],
    }
    assert shelf.syncs == [], "it was not asked to be shown"
    assert run("fetch", job, "--now", "--to", "now").returncode == 0
    assert [line.split()[1] for line in shelf.syncs] == ["True"]
    assert files(here / "now") == LAID_OUT
    for kept in (home.results, home.staging):
        assert list(kept.iterdir()) == []
    assert run("status", "beam", "--json").stdout.count("RUNNING")


def test_what_is_odd_is_said_and_the_rest_comes(
    run: Run, shelf: Shelf, job: str, here: Path
) -> None:
    """One file that a run removes would hide all others; or a person would miss it unknowingly."""
    shelf.put({"a": b"12345", "gone": None, "stdout": b"x"}, size=2)
    answer = run("fetch", job, "--to", "look")
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == [
        "orchestrator: outputs/a: it changes: 2 bytes when it was listed, 5 when copied",
        "orchestrator: outputs/gone: is missing: it has gone",
        "orchestrator: stdout: it changes: 2 bytes when it was listed, 1 when copied",
    ]
    assert files(here / "look") == {"outputs/a": b"12345", "stdout": b"x"}
    shelf.put({str(n): b"" for n in range(150)}, size=1)
    told = json.loads(run("fetch", job, "--json").stdout)
    assert (told["files"], told["missing"], len(told["notes"])) == (150, 0, 100)


def test_hostile_names_stay_in_the_folder(run: Run, shelf: Shelf, job: str, here: Path) -> None:
    """A service could write over the person's files, or hide one file behind another."""
    names = ["../../up", "/etc/passwd", "a/../../b", "new\nline", "A", "a", ".", "", f"{PART}x"]
    shelf.put(dict.fromkeys(names, b"x"), log=f"{PART}x")
    (here / "mine").write_text("mine")
    answer = run("fetch", job, "--to", "look")
    assert answer.returncode == 0, answer.stderr
    found = files(here / "look")
    assert len(found) == len(names) - 1, "a log may not be called like what is not whole"
    assert all(name.startswith("outputs/") and "\n" not in name for name in found)
    assert {path.name for path in here.iterdir()} == {"mine", "look"}


@pytest.mark.parametrize(
    ("error", "code"),
    [("RejectedError", 1), ("QuotaError", 75), ("ProtocolError", 76), ("AuthError", 77)],
)
def test_an_error_is_one_line_and_an_exit_code(
    run: Run, shelf: Shelf, job: str, here: Path, *, error: str, code: int
) -> None:
    """Scripts could not tell what to try again, and empty folders would be left about."""
    shelf.fail(error)
    (here / "mine").mkdir()
    for words in ([], ["--to", "mine"], ["--to", "new"]):
        answer = run("fetch", job, *words)
        assert (answer.returncode, answer.stdout) == (code, "")
        said = "shelf: no, because\\x1b[2J; it may be asked again in 1 min 30 s"
        assert answer.stderr == f"orchestrator: {said}\n"
    assert [path.name for path in here.iterdir()] == ["mine"]


def test_only_a_fresh_folder_is_filled(run: Run, shelf: Shelf, job: str, here: Path) -> None:
    """A slip would mix a look with the person's own files, or with another look."""
    shelf.put(TWO)
    (here / "file").write_text("mine")
    (here / "full").mkdir()
    (here / "full/mine").write_text("mine")
    (here / "empty").mkdir()
    for name, said in (
        ("file", "file: is there already, and is no folder"),
        ("full", "full: is not empty; name a folder that is new or empty"),
        ("none/deep", "No such file or directory"),
    ):
        answer = run("fetch", job, "--to", name)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert said in answer.stderr
    assert run("fetch", job, "--to", "empty").returncode == 0
    assert run("fetch", job, "--to", "empty").returncode == 2
    assert files(here) == {"file": b"mine", "full/mine": b"mine"} | {
        f"empty/{name}": data for name, data in LAID_OUT.items()
    }


def test_a_folder_that_another_look_fills_is_left_to_it(here: Path) -> None:
    """Two looks that begin at once would mix files of two moments."""
    with folder_to_fill(here / "look", ""):
        with pytest.raises(Fault, match="is not empty"), folder_to_fill(here / "look", ""):
            pass
        assert os.listdir(here / "look") == ["outputs"]  # noqa: PTH208 - names are enough
    assert list(here.iterdir()) == []


def test_a_service_that_shows_nothing_before_the_end_says_so(
    run: Run, shelf: Shelf, job: str, here: Path, home: Home
) -> None:
    """A person would take an empty folder for a run that has left nothing."""
    home.config.write_text(f"{home.config.read_text()}early = false\n")
    shelf.put({"stdout": b"x"})
    answer = run("fetch", job, "--now", "--to", "look")
    assert answer.returncode == 0
    assert answer.stderr == "orchestrator: shelf shows outputs only when a run has ended\n"
    assert files(here / "look") == {"stdout": b"x"}


@pytest.mark.parametrize("new", [True, False])
def test_now_waits_until_the_service_shows_it(
    run: Run, shelf: Shelf, job: str, here: Path, home: Home, *, new: bool
) -> None:
    """A person would be given what was shown hours ago, and take it for what there is now."""
    home.config.write_text(f"{home.config.read_text()}visible_after = 0.2\n")
    shelf.put({"old": b"old"})
    shelf.put({"old": b"old"} | ({"new": b"new"} if new else {}), listing="synced.json")
    answer = run("fetch", job, "--now", "--to", "look")
    assert answer.returncode == 0
    asked, *more = answer.stderr.splitlines()
    assert "was asked to show what the run has left by now, which may take 0.2 s" in asked
    said = ["orchestrator: shelf shows nothing new; what it shows is fetched"]
    assert more == ([] if new else said)
    assert set(files(here / "look")) == {"outputs/old", "outputs/new"} - (
        set() if new else {"outputs/new"}
    )
    assert len(shelf.syncs) == 1


def test_pauses_grow_and_end_with_the_time() -> None:
    """An account with a hundred calls an hour would be used up by one look."""
    for within in (0.2, 300.0):
        found = list(pauses(within))
        assert len(found) < 8
        assert sum(found) == pytest.approx(within)
        assert found[0] == pytest.approx(within / 10)
        assert found[:-1] == sorted(found[:-1])


def refused(run: Run, job: str) -> str:
    """Look at a job at which there is nothing to look; return why."""
    answer = run("fetch", job)
    assert (answer.returncode, answer.stdout) == (2, "")
    return answer.stderr


@pytest.mark.usefixtures("shelf")
def test_a_job_that_has_ended_says_where_its_results_are(
    run: Run, bench: Bench, here: Path
) -> None:
    """A person would get half of what a result holds whole."""
    done, dead, ended, held = (bench.job(name=name, backend="shelf") for name in "abcd")
    bench.finish(done)
    where = f"`orchestrator results {done}` says where"
    assert f"{done} has ended, and its results are stored: {where}" in refused(run, "a")
    bench.move(bench.running(dead), Event.GIVEN_UP, outcome=Outcome.ABANDONED, job=JobState.FAILED)
    assert f"{dead} is FAILED and left no results; `orchestrator explain" in refused(run, dead)
    bench.move(bench.running(ended), Event.FINISHED, outcome=Outcome.SUCCEEDED)
    assert f"the run of {ended} has ended, and its harvest is under way" in refused(run, ended)
    stuck = bench.running(held)
    bench.move(stuck, Event.FINISHED, outcome=Outcome.SUCCEEDED)
    bench.move(stuck, Event.HARVEST_STEP, hold=Hold("outputs", "they are damaged"))
    assert f"the run of {held} has ended, and its harvest is held" in refused(run, held)
    assert list(here.iterdir()) == []


@pytest.mark.usefixtures("shelf")
def test_a_job_without_a_run_says_so(run: Run, bench: Bench, here: Path) -> None:
    """A person would get an empty folder, and not know whether the run has left nothing."""
    queued, twice, staging = (bench.job(name=name, backend="shelf") for name in "abc")
    no_run = "no run of it is under way; `orchestrator explain"
    assert f"{queued} is QUEUED: {no_run} {queued}`\n" in refused(run, queued)
    bench.finish(twice, Outcome.FAILED, JobState.QUEUED)
    earlier = f"the results of an earlier run are stored: `orchestrator results {twice}`"
    assert f"{twice} is WAITING: {no_run} {twice}`; {earlier}" in refused(run, twice)
    bench.start(staging)
    assert f"{staging} is STAGING: {no_run}" in refused(run, staging)
    assert "there is no job nobody" in refused(run, "nobody")
    for id_ in ("7k2000000001", "7k2000000002"):
        bench.job(id_, name="d", backend="shelf")
    assert "7k2 may mean several jobs" in refused(run, "7k2")
    assert list(here.iterdir()) == []
