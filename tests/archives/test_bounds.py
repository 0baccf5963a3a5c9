"""Archives that are more than they seem: bombs, crowds, packed data that goes wrong."""

import bz2
import gzip
import lzma
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from orchestrator.archives import Limits, RefusedError, limits_for, streams, survey
from orchestrator.archives.rules import RATIO, SMALL
from orchestrator.archives.streams import BLOCK
from tests.archives.jail import read, refusal, release
from tests.archives.making import END, entry, header, pax, squeeze, tar, zipped

MIB = 1 << 20
Packer = Callable[[bytes], bytes]
PACKERS: list[Packer] = [gzip.compress, bz2.compress, lzma.compress]
ROOT = Path(__file__).parents[2]


def judge(data: bytes, limits: Limits) -> str:
    """Return why an archive is refused."""
    with pytest.raises(RefusedError) as raised:
        survey(BytesIO(data), limits, lambda: None)
    return str(raised.value)


@pytest.mark.parametrize("packer", PACKERS)
def test_what_expands_beyond_its_limit_is_refused(packer: Packer) -> None:
    """A bomb would fill the disk, or take hours."""
    archive = packer(tar(entry(b"a", bytes(8 * MIB))))
    told = survey(BytesIO(archive), Limits(9 * MIB), lambda: None)
    assert (told.files, told.size) == (1, 8 * MIB)
    assert judge(archive, Limits(7 * MIB)).startswith("it expands to more than 7340032 bytes")


@pytest.mark.parametrize("kind", [b"0", b"5", b"2", b"D", b"V", b"?"])
def test_what_is_not_unpacked_counts_too(kind: bytes) -> None:
    """A bomb in an entry that is skipped would take hours."""
    archive = tar(header(b"a", 8 * MIB, kind) + bytes(8 * MIB), entry(b"b", b"x"))
    if kind in b"52":  # these have no data: what follows ends the archive
        archive = tar(entry(b"b", b"x")) + bytes(8 * MIB)
    assert judge(squeeze(archive), Limits(7 * MIB)).startswith("it expands to more than")


def test_a_zip_is_judged_before_it_is_expanded() -> None:
    """A bomb of petabytes would be expanded up to the limit first."""
    archive = zipped((b"a", bytes(100)), (b"b", bytes(100)), claims=1 << 31)
    assert judge(archive, Limits(1 << 31)).startswith("it expands to more than")
    assert judge(archive, Limits(1 << 33)) == "it is damaged: its entry 'a' is not what it says"


def test_the_limit_grows_with_the_archive_and_ends_with_the_disk() -> None:
    """A large result would be refused, or a small bomb fill the disk."""
    room = 1 << 45
    assert limits_for(0, room).size == limits_for(SMALL // RATIO, room).size == SMALL
    assert limits_for(10 * SMALL, room).size == 10 * SMALL * RATIO
    assert limits_for(10 * SMALL, 12345).size == 12345


@pytest.mark.parametrize("make", [lambda *names: tar(*(entry(n) for n in names)), None])
def test_a_crowd_of_entries_is_refused(make: Callable[..., bytes] | None) -> None:
    """Millions of empty files would fill memory and the disk's table of files."""
    names = [b"%d" % n for n in range(11)]
    archive = make(*names) if make else zipped(*((name, b"") for name in names))
    assert survey(BytesIO(archive), Limits(MIB, 11), lambda: None).files == 11
    assert judge(archive, Limits(MIB, 10)).startswith("it has more than 10 entries")


def test_long_names_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand names of a thousand letters would be held in memory."""
    monkeypatch.setattr("orchestrator.archives.reading.NAME_BYTES", 250)
    archive = tar(*(entry(b"%d" % n + b"n" * 90) for n in range(3)))
    assert "too long names" in judge(archive, Limits(MIB))


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_in_parts_and_padded_it_is_read_whole(tmp_path: Path, packer: Packer) -> None:
    """What pigz, pbzip2, or a tape wrote would be cut off at its first part."""
    data = bytes(range(256)) * 2000
    whole = tar(entry(b"a", data))
    parts = b"".join(packer(whole[at : at + 100_000]) for at in range(0, len(whole), 100_000))
    for padded in (parts, parts + bytes(4), parts + bytes(3 * BLOCK)):
        assert release(tmp_path, padded).files == {"a": data}


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_data_that_goes_wrong_refuses_the_archive(packer: Packer) -> None:
    """Damaged bytes would pass for outputs, or half an archive for a whole one."""
    whole = packer(tar(entry(b"a", b"1 2 3\n" * 100)))
    for at in range(len(whole)):
        found = read(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        assert found in ({"a": b"1 2 3\n" * 100}, None), at
        assert read(whole[:at]) is None, at
    assert read(whole + b"and more") is None


def test_a_block_that_just_fills_the_buffer_is_whole(tmp_path: Path) -> None:
    """An archive of an unlucky size would be refused as cut off."""
    for size in (BLOCK - 2048, BLOCK - 1536, 2 * BLOCK - 1536):
        for packer in (*PACKERS, bytes):
            assert len(release(tmp_path, packer(entry(b"a", bytes(size)) + END)).files["a"]) == size


def test_xz_may_not_take_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header of a few bytes would have gigabytes set aside."""
    archive = lzma.compress(tar(entry(b"a", b"1")), preset=6)  # to expand it takes 9 MiB
    assert release(tmp_path, archive).files == {"a": b"1"}
    assert streams.XZ_MEMORY > 66 * MIB, "xz -9 takes so much"
    monkeypatch.setattr(streams, "XZ_MEMORY", 8 * MIB)
    assert refusal(tmp_path, archive).startswith("it cannot be expanded: Memory usage limit")


def test_reading_can_be_stopped_at_any_block() -> None:
    """A daemon that stops would wait for the end of a large archive."""

    class Stopped(Exception):  # noqa: N818 - it is no error
        pass

    def stop_after(left: list[int]) -> None:
        left.append(0)
        if len(left) > 2:
            raise Stopped

    for archive in (tar(entry(b"a", bytes(MIB))), zipped((b"a", bytes(MIB)), method=0)):
        with pytest.raises(Stopped):
            survey(BytesIO(archive), Limits(2 * MIB), partial(stop_after, []))


PEAK = """
import sys
from pathlib import Path
from orchestrator.archives import Limits, files, survey

def most() -> int:
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

before = most()
with open(sys.argv[1], "rb") as file:
    limits = Limits(1 << 40)
    told = survey(file, limits, lambda: None)
    passed = sum(len(chunk) for one in files(file, limits, lambda: None) for chunk in one.chunks)
assert passed == told.size, (passed, told)
print(told.size, most() - before)
"""


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip", "members", "headers"])
def test_memory_does_not_grow_with_what_is_read(tmp_path: Path, kind: str) -> None:
    """A bomb would end the daemon for want of memory."""
    size = 24 * MIB
    packed: dict[str, Packer] = {
        "gz": partial(gzip.compress, compresslevel=1),
        "bz2": partial(bz2.compress, compresslevel=1),
        "xz": partial(lzma.compress, preset=0),
    }
    if kind == "zip":
        archive = zipped((b"a", bytes(size)))
    elif kind == "members":
        part = gzip.compress(bytes(MIB))
        archive = gzip.compress(header(b"a", size)) + part * 24 + gzip.compress(END)
    elif kind == "headers":  # which all tell of one entry
        told_of = [
            pax((b"%d" % n, bytes(MIB - 100)), (b"GNU.sparse.%d" % n, b"")) for n in range(24)
        ]
        archive = tar(*told_of, entry(b"a", kind=b"5"), entry(b"b"))
        size = 0
    else:
        archive = packed[kind](header(b"a", size) + bytes(size) + END)
    (tmp_path / "bomb").write_bytes(archive)
    told = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path / "bomb")],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    ).stdout.split()
    assert int(told[0]) == size
    assert int(told[1]) < 8 * 1024, "kilobytes"
