"""`results` and `verify`: where results are, and whether they are what was published."""

import json
import os
import shutil
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.core.lifecycle import JobState, Outcome
from tests.cli.bench import Bench, Run


def writable(folder: Path) -> Path:
    """Give back the right to change published files, as vandals and bad disks have it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return folder


def test_each_run_with_results_is_told(run: Run, bench: Bench, home: Home) -> None:
    """The log of the failed first run could not be found any more."""
    job = bench.job(name="beam", retry={"attempts": 2})
    bench.finish(job, Outcome.FAILED, JobState.QUEUED)
    bench.finish(job)
    folder = home.results / f"beam-{job}"
    answer = run("results", "beam")
    assert answer.returncode == 0
    assert answer.stdout.splitlines() == [
        f"run 1, failed: {folder}/1",
        f"run 2, succeeded: {folder}/2",
    ]
    path = run("results", "beam", "--path").stdout
    assert path == f"{folder}/latest\n"
    assert Path(path.strip()).resolve() == folder / "2"
    tree = json.loads(run("results", "beam", "--json").stdout)
    assert tree == {
        "job": job,
        "state": "SUCCEEDED",
        "runs": [
            {"run": 1, "outcome": "failed", "path": f"{folder}/1"},
            {"run": 2, "outcome": "succeeded", "path": f"{folder}/2"},
        ],
    }


def test_a_job_without_results_says_where_it_stands(run: Run, bench: Bench) -> None:
    """`cd $(orchestrator results …)` would go to a folder that is not there."""
    job = bench.job(name="beam")
    answer = run("results", "beam", "--path")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert f"{job} is QUEUED and has no results yet" in answer.stderr
    assert json.loads(run("results", "beam", "--json").stdout)["runs"] == []


def test_whole_results_verify(run: Run, bench: Bench) -> None:
    """Good results would be called damaged, or none be looked at."""
    bench.finish(bench.job(name="one"))
    bench.finish(bench.job(name="two"), Outcome.FAILED)
    answer = run("verify", "--all")
    assert (answer.returncode, answer.stdout) == (0, "2 runs verified, no findings\n")
    assert run("verify", "two").stdout == "1 runs verified, no findings\n"


def test_damage_is_found_and_named(run: Run, bench: Bench) -> None:
    """A flipped bit, a lost or a foreign file would pass for a result."""
    folder = writable(bench.finish(bench.job(name="beam")))
    (folder / "outputs" / "out.dat").write_bytes(b"43\n")
    (folder / "outputs" / "new\x1b[1m").write_bytes(b"")
    (folder / "history.jsonl").unlink()
    answer = run("verify", "beam")
    assert answer.returncode == 1
    found = [line.removeprefix(f"{folder} ") for line in answer.stdout.splitlines()]
    assert sorted(found) == [
        "1 runs verified, 3 findings",
        "history.jsonl is gone",
        "outputs/new\\x1b[1m was not there when the run was published",
        "outputs/out.dat has other bytes than when it was published",
    ]
    tree = json.loads(run("verify", "beam", "--json").stdout)
    assert {it["damage"] for it in tree["findings"]} == {"changed", "missing", "extra"}


def test_a_manifest_that_was_exchanged_is_found(run: Run, bench: Bench) -> None:
    """Files and manifest changed together would verify: the queue knows the manifest's hash."""
    folder = writable(bench.finish(bench.job(name="beam")))
    manifest = folder / "MANIFEST.json"
    manifest.write_text(manifest.read_text().replace('"succeeded"', '"SUCCEEDED"'))
    answer = run("verify", "--all")
    assert answer.returncode == 1
    assert "MANIFEST.json is not the manifest that was published" in answer.stdout


def test_results_that_are_gone_are_found(run: Run, bench: Bench) -> None:
    """A folder that was deleted would not be missed."""
    folder = bench.finish(bench.job(name="beam"))
    shutil.rmtree(writable(folder))
    answer = run("verify", "beam")
    assert answer.returncode == 1
    assert "there is no manifest to check against" in answer.stdout


def test_verify_wants_to_know_what(run: Run, bench: Bench) -> None:
    """`verify` alone would look at nothing and call it good."""
    bench.job(name="beam")
    for arguments in ((), ("beam", "--all")):
        answer = run("verify", *arguments)
        assert answer.returncode == 2
        assert "give a JOB, or --all" in answer.stderr


def test_an_unreadable_file_is_a_finding_not_a_crash(run: Run, bench: Bench) -> None:
    """One bad sector would end the check of all other results."""
    folder = writable(bench.finish(bench.job(name="beam")))
    target = folder / "outputs" / "out.dat"
    target.unlink()
    os.mkfifo(target)
    answer = run("verify", "--all")
    assert answer.returncode == 1
    assert "outputs/out.dat is not a regular file any more" in answer.stdout
