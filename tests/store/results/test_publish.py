"""A staged run becomes a result: whole, once, described, and never overwritten."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.core.lifecycle import Outcome
from orchestrator.store.results import (
    ConflictError,
    MissingError,
    ResultError,
    begin,
    disk,
    folder_of,
    leftovers,
    publish,
    runs_in,
    verify,
)
from tests.store.results.scenario import (
    ENTRY,
    JOB,
    NOTES,
    OUTPUTS,
    SPEC,
    UNPACKED,
    ended,
    fetch_all,
    harvest,
    publish_run,
)

JOB_FOLDER = f"results/beam-{JOB}"


def test_what_a_person_finds(home: Home) -> None:
    """Outputs, log, spec or history would be missing, or be somewhere else than promised."""
    published = harvest(home)
    assert published.path == f"{JOB_FOLDER}/1"
    folder = home.root / published.path
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    manifest, history = found.pop("MANIFEST.json"), found.pop("history.jsonl")
    assert found == {
        "stdout": b"solving\ndone\n",
        "outputs/beam.dat": b"".join(OUTPUTS["beam.dat"]),
        "outputs/plots/deep/x.png": b"".join(OUTPUTS["plots/deep/x.png"]),
        "outputs/case.tar": b"".join(OUTPUTS["case.tar"]),
        **UNPACKED,
        "spec.toml": SPEC,
    }
    assert hashlib.sha256(manifest).hexdigest() == published.manifest_sha256
    assert json.loads(history)["target"] == "HARVESTING"
    assert str((folder.parent / "latest").readlink()) == "1"
    assert leftovers(home) == []
    modes = {p.is_dir(): p.stat().st_mode & 0o777 for p in [folder, *folder.rglob("*")]}
    assert modes == {True: 0o555, False: 0o444}


def test_the_manifest_tells_everything(home: Home) -> None:
    """A result could not be traced to its job, or a renamed output not to its name over there."""
    run = ended(outcome=Outcome.FAILED, exit_code=3, reason="exit \x1b[31m status 3")
    items = fetch_all(home, run)
    items[1] = replace(items[1], original="beam\udce9.dat", verified="nothing")
    path = home.root / publish_run(home, run, items).path / "MANIFEST.json"
    text = path.read_text()
    assert text.isascii()
    assert "\x1b" not in text
    tree = json.loads(text)
    assert list(tree) == sorted(tree)
    files = {entry["name"]: entry for entry in tree.pop("files")}
    assert tree == {
        "format": 1,
        "job": {"id": JOB, "name": "beam"},
        "run": 1,
        "key": run.key,
        "backend": "local",
        "remote_id": "77",
        "outcome": "failed",
        "exit_code": 3,
        "reason": run.reason,
        "spec_sha256": hashlib.sha256(SPEC).hexdigest(),
        "not_unpacked": NOTES,
    }
    data = b"".join(OUTPUTS["beam.dat"])
    assert files["outputs/beam.dat"] == {
        "name": "outputs/beam.dat",
        "original": "beam\udce9.dat",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "verified": "nothing",
    }
    assert files["outputs/case/log"] == {
        "name": "outputs/case/log",
        "original": "log",
        "size": 10,
        "sha256": hashlib.sha256(b"converged\n").hexdigest(),
        "verified": "unpacked here",
        "archive": "outputs/case.tar",
    }
    assert files["spec.toml"]["verified"] == "written here"
    assert files["stdout"]["verified"] == "size"


def test_publishing_again_changes_nothing(home: Home) -> None:
    """After a crash between the rename and the commit the daemon could not go on."""
    run, items = ended(), fetch_all(home, ended())
    first = publish_run(home, run, items)
    begin(home, run.key)
    later = replace(ENTRY, seq=2, reason="harvested again after a restart")
    assert publish_run(home, run, items, [ENTRY, later]) == first
    assert leftovers(home) == []
    assert verify(home.root / first.path, manifest_sha256=first.manifest_sha256) == []


@pytest.mark.parametrize("other", ["outcome", "reason", "file"])
def test_another_result_is_never_overwritten(home: Home, other: str) -> None:
    """A result that was shown would be replaced by another one."""
    first = harvest(home)
    run, items = ended(), fetch_all(home, ended())
    match other:
        case "file":
            items[0] = replace(items[0], sha256="0" * 64)
        case "outcome":
            run = replace(run, outcome=Outcome.FAILED)
        case _:
            run = replace(run, reason="another")
    with pytest.raises(ConflictError, match=f"another result stands at beam-{JOB}/1"):
        publish_run(home, run, items)
    assert verify(home.root / first.path, manifest_sha256=first.manifest_sha256) == []
    assert leftovers(home) == [ended().key], "what was fetched is gone"


@pytest.mark.parametrize("content", [None, b"", b"[" * 100_000, b"{}", b'{"format": 1}'])
def test_a_foreign_folder_is_never_overwritten(home: Home, content: bytes | None) -> None:
    """What a person put there, also an empty folder, would vanish into our result."""
    folder = home.root / JOB_FOLDER / "1"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "MANIFEST.json").write_bytes(content)
    with pytest.raises(ConflictError):
        harvest(home)
    assert [p.read_bytes() for p in folder.iterdir()] == ([] if content is None else [content])


def test_the_rename_itself_replaces_nothing(tmp_path: Path) -> None:
    """A folder made in the last moment, if only an empty one, would be swallowed."""
    (tmp_path / "staged").mkdir()
    (tmp_path / "there").mkdir()
    with disk.folder(tmp_path) as fd, pytest.raises(FileExistsError):
        disk.move("staged", within=fd, to="there", into=fd)
    assert (tmp_path / "staged").is_dir()


def test_files_that_a_power_cut_took_are_named(home: Home) -> None:
    """A result with a file missing or cut short would be published."""
    run, items = ended(), fetch_all(home, ended())
    staging = home.staging / run.key
    (staging / "stdout").unlink()
    (staging / "outputs/beam.dat").chmod(0o600)
    os.truncate(staging / "outputs/beam.dat", 10)
    with pytest.raises(MissingError, match="2 fetched file") as raised:
        publish_run(home, run, items)
    assert raised.value.names == ["outputs/beam.dat", "stdout"]
    assert list(home.results.iterdir()) == []
    harvest(home)


def test_what_an_older_listing_left_is_not_published(home: Home) -> None:
    """Half a file of a killed try would appear among the outputs."""
    run, items = ended(), fetch_all(home, ended())
    staging = home.staging / run.key
    (staging / "old" / "deep").mkdir(parents=True)
    (staging / "old" / "deep" / "half").touch()
    (staging / "outputs" / "half").touch()
    published = publish_run(home, run, items)
    assert verify(home.root / published.path) == []


def test_latest_only_goes_forward(home: Home) -> None:
    """`latest` would lead to an older run, or be missing for a moment."""
    job = home.root / JOB_FOLDER
    for number, latest in ((2, "2"), (1, "2"), (10, "10"), (9, "10")):
        harvest(home, number)
        assert str((job / "latest").readlink()) == latest
    assert runs_in(job) == [1, 2, 9, 10]
    assert runs_in(job.with_name("nobody")) == []


def test_a_run_without_outputs_is_a_result(home: Home) -> None:
    """A job that was refused before it began could not end."""
    published = publish_run(home, ended(), [])
    assert verify(home.root / published.path) == []


def test_a_link_in_place_of_results_is_not_followed(home: Home, tmp_path: Path) -> None:
    """Results would be written to wherever a link leads, without a word."""
    (tmp_path / "elsewhere").mkdir()
    (home.results / folder_of("beam", JOB)).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResultError, match="the result beam-"):
        harvest(home)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_unknown_format_of_spec_is_our_own_mistake(home: Home) -> None:
    """A spec could be written over the manifest."""
    with pytest.raises(ValueError, match="a spec ends in one of"):
        publish(home, ended(), [], spec=SPEC, spec_suffix="/../x", history=[])
