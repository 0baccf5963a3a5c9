"""Archives among the outputs are unpacked as part of the result, or kept as they are."""

import errno
import json
import os
import resource
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.store.results import (
    DiskFullError,
    Item,
    MissingError,
    Published,
    ResultError,
    StoppedError,
    Unpack,
    begin,
    disk,
    publish,
    take_over,
    unpacking,
    verify,
)
from tests.archives.making import entry, squeeze, tar, zipped
from tests.store.results.scenario import (
    ENTRY,
    JOB,
    NOTES,
    SPEC,
    ended,
    fetch_all,
    fetch_one,
    harvest,
    publish_run,
)

BAD = tar(entry(b"ok", b"1"), entry(b"../../bad", b"2"))


def bring(home: Home, files: Mapping[str, bytes]) -> list[Item]:
    """Fetch outputs under these names."""
    staging = begin(home, ended().key)
    got = [fetch_one(staging, name, iter([data])) for name, data in files.items()]
    return [Item(it.name, it.name, it.size, it.sha256, "nothing") for it in got]


def published(
    home: Home,
    files: Mapping[str, bytes],
    folders: Mapping[str, str],
    *,
    stop: Callable[[], bool] = lambda: False,
    keep_free: int = 0,
) -> Published:
    """Publish outputs, of which some are archives to be unpacked."""
    return publish(
        home,
        ended(),
        bring(home, files),
        spec=SPEC,
        spec_suffix=".toml",
        history=[ENTRY],
        unpack=Unpack(folders, stop, keep_free),
    )


def test_each_archive_is_judged_by_itself(home: Home) -> None:
    """One bad archive would take the others, or the whole result, with it."""
    files = {
        "outputs/a.tgz": squeeze(tar(entry(b"x/y", b"1"))),
        "outputs/bad.tar": BAD,
        "outputs/deep/b.zip": zipped((b"z", b"2")),
        "outputs/not asked.tar": tar(entry(b"x", b"3")),
        "outputs/text.zip": b"I am no archive",
    }
    folders = {name: name.rpartition(".")[0] for name in files if "not asked" not in name}
    result = published(home, files, folders)
    assert result.notes == [
        "outputs/bad.tar was not unpacked: its entry '../../bad' would leave the folder",
        "outputs/text.zip was not unpacked: it is neither tar nor zip",
    ]
    run = home.root / result.path
    assert verify(run, manifest_sha256=result.manifest_sha256) == []
    listed = json.loads((run / "MANIFEST.json").read_text())
    assert listed["not_unpacked"] == result.notes
    unpacked = {it["name"]: it["archive"] for it in listed["files"] if "archive" in it}
    assert unpacked == {"outputs/a/x/y": "outputs/a.tgz", "outputs/deep/b/z": "outputs/deep/b.zip"}
    assert all((run / name).read_bytes() == data for name, data in files.items())
    folders_there = [path for path in run.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in folders_there} == {0o555}


def test_publishing_again_tells_the_same(home: Home) -> None:
    """After a crash between the rename and the commit the job could not end, or not say why."""
    files = {"outputs/bad.tar": BAD, "outputs/good.tar": tar(entry(b"a", b"1"))}
    folders = {"outputs/bad.tar": "outputs/bad", "outputs/good.tar": "outputs/good"}
    first = published(home, files, folders)
    assert len(first.notes) == 1
    assert published(home, files, folders) == first
    assert publish_run(home, ended(), bring(home, files), unpack=None) == first


def test_a_restored_queue_learns_it_too(home: Home) -> None:
    """After a restore the job would be said to have been unpacked wholly."""
    harvest(home)
    run, _ = take_over(home, "beam", JOB, 1)
    assert run.reason == f"exit status 0; {NOTES[0]}"


def test_a_stop_leaves_nothing_visible_and_the_next_try_is_whole(home: Home) -> None:
    """A daemon that stops would wait for a large archive, or publish a part of it."""
    files = {"outputs/a.tar": tar(*(entry(b"%d" % n, bytes(99_999)) for n in range(9)))}
    folders = {"outputs/a.tar": "outputs/a"}
    for most in range(1, 28, 4):
        left = iter(range(most))
        with pytest.raises(StoppedError, match=r"stopped while outputs/a\.tar was being unpacked"):
            published(home, files, folders, stop=lambda: next(left, None) is None)  # noqa: B023
        assert list(home.results.iterdir()) == []
    result = published(home, files, folders)
    assert len(list((home.root / result.path / "outputs/a").iterdir())) == 9


def test_without_room_it_waits_and_takes_none(home: Home) -> None:
    """The last of the disk would be used up, or an archive be refused that only has to wait."""
    data = zipped((b"a", bytes(40 << 20)))
    free = os.statvfs(home.root).f_bavail * os.statvfs(home.root).f_frsize
    files, folders = {"outputs/a.zip": data}, {"outputs/a.zip": "outputs/a"}
    with pytest.raises(DiskFullError, match=r"what is in outputs/a\.zip: it needs 41947136 bytes"):
        published(home, files, folders, keep_free=free - (20 << 20))
    assert not (home.staging / ended().key / "outputs/a").exists()


def test_what_no_disk_of_this_size_could_hold_is_refused(home: Home) -> None:
    """The job would wait for ever for room that there can never be."""
    disk_size = os.statvfs(home.root).f_blocks * os.statvfs(home.root).f_frsize
    data = zipped((b"a", bytes(2 << 20)))
    files, folders = {"outputs/a.zip": data}, {"outputs/a.zip": "outputs/a"}
    result = published(home, files, folders, keep_free=disk_size - (1 << 20))
    assert "expands to more than 1048576 bytes" in result.notes[0]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write_all", "make_folder", "check_room"])
def test_a_disk_that_fills_up_on_the_way_is_left_as_it_was(
    home: Home, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    """Half an archive would hold the room that everybody waits for."""
    items = fetch_all(home, ended())
    sound, calls = getattr(disk, call), iter(range(9))

    def full(*args: object, **more: object) -> object:
        if next(calls, 0) == 1:
            raise OSError(code, "full") if call != "check_room" else DiskFullError("full")
        return sound(*args, **more)

    monkeypatch.setattr(disk, call, full)
    with pytest.raises(DiskFullError):
        publish_run(home, ended(), items)
    assert not (home.staging / ended().key / "outputs/case").exists()
    monkeypatch.undo()
    assert publish_run(home, ended(), items).notes == NOTES


def test_a_file_that_the_disk_cannot_have_refuses_the_archive(home: Home) -> None:
    """A file system with a limit of its own would keep the job from ever ending."""
    data = zipped((b"small", b"1"), (b"large", bytes(1 << 20)))
    files, folders = {"outputs/a.zip": data}, {"outputs/a.zip": "outputs/a"}
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, most[1]))
    try:
        result = published(home, files, folders)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    [note] = result.notes
    assert note == "outputs/a.zip was not unpacked: its entry 'large' cannot be kept here: " + (
        os.strerror(errno.EFBIG)
    )
    assert verify(home.root / result.path) == []
    assert not (home.root / result.path / "outputs/a").exists()


@pytest.mark.parametrize("how", ["gone", "shorter", "its folder gone", "a fifo"])
def test_an_archive_that_a_power_cut_took_is_fetched_again(home: Home, how: str) -> None:
    """It would be told to be damaged, though the service has it whole."""
    items = fetch_all(home, ended())
    outputs = home.staging / ended().key / "outputs"
    archive = outputs / "case.tar"
    if how == "its folder gone":
        outputs.rename(outputs.with_name("elsewhere"))
    else:
        half = archive.read_bytes()[:700]
        archive.unlink()
        if how == "shorter":
            archive.write_bytes(half)
        if how == "a fifo":
            os.mkfifo(archive)
    with pytest.raises(MissingError) as raised:
        publish_run(home, ended(), items)
    assert raised.value.names == ["outputs/case.tar"]


def test_a_link_in_place_of_its_folder_is_not_followed(home: Home, tmp_path: Path) -> None:
    """What is unpacked would be written outside the home."""
    items = fetch_all(home, ended())
    (tmp_path / "elsewhere").mkdir()
    (home.staging / ended().key / "outputs/case").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResultError, match=r"outputs/case\.tar"):
        publish_run(home, ended(), items)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_many_files_are_synced_a_few_at_a_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives of many files would need more open files than a process may have."""
    monkeypatch.setattr(unpacking, "FILES_AT_ONCE", 3)
    monkeypatch.setattr(unpacking, "BYTES_AT_ONCE", 1000)
    names = [f"{n}" for n in range(20)]
    data = tar(*(entry(name.encode(), bytes(n * 100)) for n, name in enumerate(names)))
    before = len(list(Path("/proc/self/fd").iterdir()))
    result = published(home, {"outputs/a.tar": data}, {"outputs/a.tar": "outputs/a"})
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    found = {path.name for path in (home.root / result.path / "outputs/a").iterdir()}
    assert found == set(names)
