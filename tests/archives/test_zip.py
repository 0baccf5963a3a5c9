"""Zip archives made to do harm, and odd ones that are not."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from orchestrator.archives import zips
from tests.archives.jail import read, refusal, release
from tests.archives.making import directory, zipped

A = (b"a.dat", b"1 2 3\n")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"/etc/passwd", "would leave the folder"),
        (b"../mine", "would leave the folder"),
        (b"a/../../mine", "would leave the folder"),
        (b"..\\mine", "is not safe"),
        (b"\\\\server\\share", "is not safe"),
        (b"C:/mine", "is not safe"),
        (b"a\0.exe", "is not safe"),
        (b"x" * 256, "is too long"),
        (b"d/" * 64 + b"x", "lies more than 64 folders deep"),
        (b"a.dat", "its entry 'a.dat' is in it twice"),
        (b"A.DAT", "its entries 'a.dat' and 'A.DAT' would meet in one"),
        (b"a.dat/b", "its entry 'a.dat' is a file and a folder"),
    ],
)
def test_a_bad_name_refuses_the_archive(tmp_path: Path, name: bytes, why: str) -> None:
    """Zip slip: a file of the machine would be overwritten."""
    assert why in refusal(tmp_path, zipped(A, (name, b"bad")))


def test_names_are_read_as_they_were_meant(tmp_path: Path) -> None:
    """Names of old or careless writers would be unreadable."""
    assert release(tmp_path, zipped(("gr\xf6\xdfe".encode(), b"1"))).files == {"gr\xf6\xdfe": b"1"}
    assert release(tmp_path, zipped((b"gr\x94\xe1e", b"1"))).files == {"gr\xf6\xdfe": b"1"}
    assert release(tmp_path, zipped((b"x\xff", b"1"), flags=0x800)).files == {"x_": b"1"}


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        (stat.S_IFLNK | 0o777, "symbolic link"),
        (stat.S_IFIFO | 0o644, "device"),
        (stat.S_IFCHR | 0o644, "device"),
        (stat.S_IFSOCK | 0o644, "device"),
    ],
)
def test_what_is_no_file_is_left_out_and_told(tmp_path: Path, mode: int, what: str) -> None:
    """A link would be made, or a file with a path in it would pass for an output."""
    came = release(tmp_path, zipped((b"odd", b"/etc/passwd"), mode=mode))
    assert came.files == {}
    assert came.notes[0].endswith(f"without 1 of its entries: 'odd' ({what})")
    assert refusal(tmp_path, zipped((b"odd", b"x"), (b"odd/b", b"y"), mode=mode))


def test_a_setuid_program_comes_as_a_plain_file(tmp_path: Path) -> None:
    """Whoever can write an archive could leave a program that runs as us."""
    mode = stat.S_IFREG | 0o6755
    assert release(tmp_path, zipped(A, mode=mode)).files == {"a.dat": b"1 2 3\n"}


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("claims", [0, 5, 7, 1 << 20, 1 << 31])
def test_a_size_that_is_not_the_datas_refuses_the_archive(
    tmp_path: Path, method: int, claims: int
) -> None:
    """A bomb would tell a small size, or half a file pass for a whole one."""
    assert refusal(tmp_path, zipped(A, method=method, claims=claims))


def test_other_bytes_than_were_packed_are_noticed(tmp_path: Path) -> None:
    """A flipped bit in the data would go unnoticed."""
    data = bytearray(zipped(A, method=0))
    data[data.index(b"1 2 3")] ^= 1
    assert refusal(tmp_path, bytes(data)) == "it is damaged: its entry 'a.dat' is not what it says"


def test_packed_data_that_ends_early_is_noticed(tmp_path: Path) -> None:
    """What is hidden behind the end of packed data would pass."""
    assert "is not what it says" in refusal(tmp_path, zipped(A, hidden=b"hidden"))
    assert "is larger than it says" in refusal(tmp_path, zipped(A, hidden=b"hidden", method=0))


@pytest.mark.parametrize("flags", [1, 0x41, 0x2000])
def test_an_encrypted_archive_is_refused(tmp_path: Path, flags: int) -> None:
    """Noise would be unpacked as an output."""
    assert refusal(tmp_path, zipped(A, flags=flags)) == "its entry 'a.dat' is encrypted"


def test_another_method_is_refused_and_named(tmp_path: Path) -> None:
    """A person would not learn which method to use instead."""
    archive = zipped(A, method=14)
    assert refusal(tmp_path, archive) == "its entry 'a.dat' is packed by method 14"


def test_two_names_for_one_entry_refuse_the_archive(tmp_path: Path) -> None:
    """What a person sees in a listing would not be what is unpacked."""
    assert refusal(tmp_path, zipped(A, local=b"b.dat")) == "its entry 'a.dat' has two names"


def _overlapping(shift: int) -> bytes:
    """Return two entries, the data of the first of which holds the second one whole."""
    inner = zipped(A, method=0)
    inner = inner[: inner.index(b"PK\1\2")]
    outer = zipped((b"quoted", inner), method=0)
    body = outer[: outer.index(b"PK\1\2", len(inner))]
    about, inside = body[6:26], body.index(b"PK\3\4", 4)
    listed = [(b"quoted", about, 0, 0), (b"a.dat", body[inside + 6 : inside + 26], inside, 0)]
    return body + directory(listed[::shift], len(body))


@pytest.mark.parametrize("shift", [1, -1])
def test_entries_that_overlap_refuse_the_archive(tmp_path: Path, shift: int) -> None:
    """A few kilobytes, quoted again and again, would expand to gigabytes."""
    assert refusal(tmp_path, _overlapping(shift)) == "its entries overlap"


def test_one_entry_listed_under_one_place_twice_is_refused(tmp_path: Path) -> None:
    """The same bytes would be unpacked a thousand times."""
    body = zipped(A)
    body, about = body[: body.index(b"PK\1\2")], body[6:26]
    archive = body + directory([(b"a.dat", about, 0, 0)] * 2, len(body))
    assert refusal(tmp_path, archive) == "its entries overlap"


def test_cut_off_or_continued_anywhere_it_is_refused(tmp_path: Path) -> None:
    """Half an archive would pass for a whole one."""
    whole = zipped(A, (b"b", bytes(300)))
    for end in range(len(whole)):
        assert read(whole[:end]) is None
    for more in (b"x", whole):
        assert read(whole + more) is None
    assert refusal(tmp_path, b"PK\3\4" + whole)


def test_a_directory_that_lies_of_itself_is_refused() -> None:
    """A count or a place that is not so would send the reader anywhere."""
    whole = zipped(A)
    at = whole.index(b"PK\5\6")
    for offset in range(4, 22):
        for value in (1, 0x7F, 0xFF):
            data = bytearray(whole)
            data[at + offset] ^= value
            assert read(bytes(data)) is None, offset


def test_a_comment_and_folders_do_no_harm(tmp_path: Path) -> None:
    """Archives that people make every day would be refused."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.mkdir("folder")
        archive.writestr("folder/a", b"1")
        archive.comment = b"made on a Monday"
    assert release(tmp_path, file.getvalue()).files == {"folder/a": b"1"}


@pytest.mark.parametrize("comment", [0, 65_535 - 8, 65_535])
def test_numbers_of_64_bits_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comment: int
) -> None:
    """Archives over 4 GiB, which solvers write, would be refused."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 0)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b"):
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(name.encode() * 1000)
        archive.comment = b"c" * comment
    whole = file.getvalue()
    assert b"PK\6\7" in whole
    assert release(tmp_path, whole).files == {"a": b"a" * 1000, "b": b"b" * 1000}
    at = whole.index(b"PK\6\6")
    for offset in [*range(16, 56), *range(56 + 4, 56 + 16)]:
        data = bytearray(whole)
        data[at + offset] ^= 0x11
        assert read(bytes(data)) is None, offset


def test_an_empty_archive_is_whole(tmp_path: Path) -> None:
    """An archive of nothing would be told to be damaged."""
    assert release(tmp_path, zipped()).notes == []


def test_a_directory_too_large_for_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory of gigabytes would be held in memory."""
    monkeypatch.setattr(zips, "MOST_DIRECTORY", 100)
    assert release(tmp_path, zipped(A)).files
    assert "too long names" in refusal(tmp_path, zipped(A, (b"b" * 100, b"")))
