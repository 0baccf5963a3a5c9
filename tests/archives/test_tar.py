"""Tar archives made to do harm, and odd ones that are not."""

from pathlib import Path

import pytest

from tests.archives.jail import read, refusal, release
from tests.archives.making import END, entry, header, pax, squeeze, tar

A = entry(b"a.dat", b"1 2 3\n")
BIG = 1 << 33


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"/etc/passwd", "its entry '/etc/passwd' would leave the folder"),
        (b"../../mine", "its entry '../../mine' would leave the folder"),
        (b"a/../../mine", "its entry 'a/../../mine' would leave the folder"),
        (b"..", "its entry '..' would leave the folder"),
        (b"a\\..\\mine", r"the name of its entry 'a\\..\\mine' is not safe"),
        (b"C:mine", "the name of its entry 'C:mine' is not safe"),
        (b"a\nb", r"the name of its entry 'a\nb' is not safe"),
        (b"\x1b[31m", r"the name of its entry '\x1b[31m' is not safe"),
        (b"a\xc2\x9bb", r"the name of its entry 'a\x9bb' is not safe"),
        (b"", "it has an entry without a name"),
        (b".", "it has an entry without a name"),
    ],
)
def test_a_name_that_could_mean_another_place_refuses_the_archive(
    tmp_path: Path, name: bytes, why: str
) -> None:
    """A file of the machine would be overwritten, or a name would play tricks where it is shown."""
    assert refusal(tmp_path, tar(A, entry(name, b"bad"))).startswith(why)


@pytest.mark.parametrize("name", [b"x" * 256, b"x/" * 15 + b"y" * 250 + b"/" + b"z" * 1000])
@pytest.mark.parametrize("way", ["pax", "gnu"])
def test_a_name_that_no_file_can_have_refuses_the_archive(
    tmp_path: Path, name: bytes, way: str
) -> None:
    """The long name of a pax or GNU header would end in an error of the disk, again and again."""
    told = pax((b"path", name)) if way == "pax" else entry(b"././@LongLink", name + b"\0", b"L")
    assert "is too long" in refusal(tmp_path, tar(told, A))


def test_names_of_every_dialect_are_read(tmp_path: Path) -> None:
    """Files with long names, of whatever tar, would get a wrong name."""
    long = b"deep/" * 10 + b"n" * 190
    archive = tar(
        entry(b"./plain//a", b"1"),
        pax((b"path", b"p/" + long), (b"mtime", b"1.5")) + entry(b"short", b"2"),
        entry(b"x", b"g/" + long + b"\0", b"L") + entry(b"short", b"3"),
        entry(b"name", b"4", prefix=b"some/prefix"),
        entry(b"gnu", b"5", magic=b"ustar  \0", prefix=b"12345670123\0"),
        entry(b"v7", b"6", b"\0", magic=bytes(8)),
        entry(b"in one piece", b"7", b"7"),
        entry(b"x", b"somewhere\0" * 20, b"K") + entry(b"after K", b"8"),
        pax((b"comment", b"a commit"), kind=b"g"),
        entry(b"label", kind=b"V"),
        entry(b"e\xcc\x81t\xe9", b"9"),
    )
    assert release(tmp_path, archive).files == {
        "plain/a": b"1",
        f"p/{long.decode()}": b"2",
        f"g/{long.decode()}": b"3",
        "some/prefix/name": b"4",
        "gnu": b"5",
        "v7": b"6",
        "in one piece": b"7",
        "after K": b"8",
        "\xe9t_": b"9",
    }


def test_folders_are_made_for_files_alone(tmp_path: Path) -> None:
    """A folder's header would be taken for a file, or an empty folder would break the manifest."""
    archive = tar(
        entry(b"./", kind=b"5"),
        entry(b"a/", kind=b"5"),
        entry(b"a/b", b"1"),
        entry(b"empty", kind=b"5"),
        entry(b"old/", kind=b"\0"),
        entry(b"dump", b"Yb\0", b"D"),
        entry(b"a/", kind=b"5"),
    )
    came = release(tmp_path, archive)
    assert came.files == {"a/b": b"1"}
    assert came.notes == []


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (b"1", "hard link"),
        (b"2", "symbolic link"),
        (b"3", "device"),
        (b"4", "device"),
        (b"6", "fifo"),
        (b"S", "sparse file"),
        (b"M", "entry of type b'M'"),
        (b"\xff", r"entry of type b'\xff'"),
    ],
)
def test_what_is_no_file_is_left_out_and_told(tmp_path: Path, kind: bytes, what: str) -> None:
    """A link would be made and followed, or one link would make a solver's archive useless."""
    odd = entry(b"odd", kind=kind, link=b"/etc/passwd")
    came = release(tmp_path, tar(odd, A))
    assert came.files == {"a.dat": b"1 2 3\n"}
    assert came.notes == [f"outputs/case.tar was unpacked without 1 of its entries: 'odd' ({what})"]


def test_many_that_are_left_out_are_told_in_one_line(tmp_path: Path) -> None:
    """A thousand links would fill the log."""
    links = [entry(b"l%d" % n, kind=b"2", link=b"x") for n in range(5)]
    [note] = release(tmp_path, tar(*links)).notes
    assert note.endswith(
        "without 5 of its entries: 'l0' (symbolic link), 'l1' (symbolic link), "
        "'l2' (symbolic link), …"
    )


@pytest.mark.parametrize("way", ["old", "old, long map", "pax"])
def test_sparse_files_are_left_out(tmp_path: Path, way: str) -> None:
    """A file of holes would come out as its map, or as exabytes of zeros."""
    data = b"map and data"
    odd = {
        "old": entry(b"odd", data, b"S"),
        "old, long map": header(b"odd", len(data), b"S", sparse=b"\1")
        + (bytes(504) + b"\1" + bytes(7))
        + bytes(512)
        + data
        + bytes(500),
        "pax": pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.realsize", b"9" * 18))
        + entry(b"odd", data),
    }[way]
    came = release(tmp_path, tar(odd, A))
    assert came.files == {"a.dat": b"1 2 3\n"}
    assert came.notes[0].endswith("'odd' (sparse file)")


@pytest.mark.parametrize("kind", [b"1", b"2", b"6"])
@pytest.mark.parametrize("after", [b"way/mine", b"way", b"WAY/mine", b"way/"])
def test_nothing_goes_through_a_link_even_on_paper(
    tmp_path: Path, kind: bytes, after: bytes
) -> None:
    """A link that is left out, and a file below it: it would land where the maker wants it to."""
    way = entry(b"way", kind=kind, link=b"../../mine")
    why = refusal(tmp_path, tar(way, entry(after, b"bad", b"0")))
    assert "'way" in why


def test_the_chain_of_links_that_python_followed(tmp_path: Path) -> None:
    """CVE-2025-4517: links beyond the longest path, then a file through them to outside."""
    steps, long = b"abcdefghijklmnop", b"d" * 247
    parts, path = [], b""
    for step in steps:
        parts.append(pax((b"path", path + long)) + entry(b"d", kind=b"5"))
        parts.append(
            pax((b"path", path + bytes([step])), (b"linkpath", long)) + entry(b"l", kind=b"2")
        )
        path += long + b"/"
    short = b"/".join(bytes([step]) for step in steps) + b"/" + b"l" * 254
    parts += [
        pax((b"path", short), (b"linkpath", b"../" * 16)) + entry(b"l", kind=b"2"),
        pax((b"path", b"escape"), (b"linkpath", short + b"/../../../mine"))
        + entry(b"l", kind=b"2"),
        entry(b"escape", kind=b"1", link=b"mine"),
        entry(b"escape", b"overwritten"),
    ]
    assert "is too long" in refusal(tmp_path, tar(*parts))
    assert "'escape' is a symbolic link and a hard link" in refusal(tmp_path, tar(*parts[-3:]))


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        (b"a", b"a", "its entry 'a' is in it twice"),
        (b"a", b"./a", "its entry 'a' is in it twice"),
        (b"Makefile", b"makefile", "its entries 'Makefile' and 'makefile' would meet in one"),
        ("\xe9".encode(), b"E\xcc\x81", "its entries '\xe9' and '\xc9' would meet in one"),
        (b"stra\xc3\x9fe", b"STRASSE", "its entries 'straße' and 'STRASSE' would meet in one"),
        (b"A/x", b"a/y", "its entries 'A' and 'a' would meet in one"),
        (b"a\xff", b"a\xfe", "its entry 'a_' is in it twice"),
        (b"a", b"a/b", "its entry 'a' is a file and a folder"),
        (b"a/b", b"a", "its entry 'a' is a folder and a file"),
        (b"a/b/c", b"a/b", "its entry 'a/b' is a folder and a file"),
    ],
)
def test_names_that_meet_refuse_the_archive(
    tmp_path: Path, one: bytes, two: bytes, why: str
) -> None:
    """One file would overwrite another, here or on the disk that the results are copied to."""
    assert refusal(tmp_path, tar(entry(one, b"1"), entry(two, b"2"))) == why


@pytest.mark.parametrize(
    ("size", "works"),
    [
        (b"00000000006\0", True),
        (b"     6 \0\0\0\0\0", True),
        (b"\x80" + (6).to_bytes(11, "big"), True),
        (b"\x80" + BIG.to_bytes(11, "big"), False),
        (b"\xff" * 12, False),
        (b"-0000000006\0", False),
        (b"+0000000006\0", False),
        (b"0_6        \0", False),
        (b"\xb2\xb3\0", False),
        (b"99999999999\0", False),
        (b"77777777777\0", False),
    ],
)
def test_a_size_that_is_none_refuses_the_archive(
    tmp_path: Path,
    size: bytes,
    works: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """A size below zero would read the same header for ever; one beyond all, read for ever."""
    archive = tar(header(b"a", 6, digits=size) + b"1 2 3\n" + bytes(506))
    if works:
        assert release(tmp_path, archive).files == {"a": b"1 2 3\n"}
    else:
        refusal(tmp_path, archive)


@pytest.mark.parametrize(
    "text",
    [
        b"5 a=b\n",
        b"7 a=b\n",
        b"06 a=b\n",
        b"6 a=b\0",
        b"6 aab\n",
        b"0 a=b\n",
        b"-6 a=b\n",
        b"9999999999999999999 a=b\n",
        b"6" * 600_000,
        b" a=b\n",
        b"\0" * 6,
        b"10 size=\n1",
        b"11 size=-1\n",
        b"11 size=1e\n",
        b"29 size=99999999999999999999\n",
    ],
)
def test_a_pax_header_that_is_none_refuses_the_archive(tmp_path: Path, text: bytes) -> None:
    """A record without end, or a length in the way of its own reading, would hang the daemon."""
    refusal(tmp_path, tar(entry(b"pax", text, b"x"), A))


def test_a_pax_header_may_not_speak_for_all(tmp_path: Path) -> None:
    """All files would take one name."""
    archive = tar(pax((b"path", b"b"), kind=b"g"), A)
    assert refusal(tmp_path, archive) == "it tells one name or size for all of its entries"


def test_a_large_header_is_not_read_into_memory(tmp_path: Path) -> None:
    """A name of gigabytes would be held in memory."""
    for kind in (b"x", b"L", b"K", b"g"):
        archive = header(b"x", (1 << 20) + 1, kind) + bytes(1 << 21) + tar(A)
        assert refusal(tmp_path, archive) == f"it has a header of {(1 << 20) + 1} bytes"


def test_headers_before_headers_do_not_pile_up(tmp_path: Path) -> None:
    """A chain of headers would exhaust the stack of whoever reads it by recursion."""
    chain = (entry(b"x", b"long\0", b"L") + pax((b"a", b"b"))) * 1100
    assert release(tmp_path, tar(chain, A)).files == {"long": b"1 2 3\n"}
    why = refusal(tmp_path, tar(A, chain))
    assert why == "it is damaged: a header tells of an entry that does not come"


@pytest.mark.parametrize("packed", [False, True])
def test_cut_off_anywhere_it_is_refused(*, packed: bool) -> None:
    """Half an archive would pass for a whole one."""
    whole = tar(A, pax((b"path", b"b")) + entry(b"x", bytes(700)))
    whole = squeeze(whole) if packed else whole
    ends = range(0, len(whole), 1 if packed else 64)
    for end in ends if packed else [end for end in ends if end <= len(whole) - len(END)]:
        assert read(whole[:end]) is None


def test_the_end_mark_may_be_short_and_what_follows_is_not_read(tmp_path: Path) -> None:
    """Archives of careless writers, which every tar reads, would be refused."""
    for end in (bytes(512), END, bytes(10240), END + A + b"remains of an older tape"):
        assert release(tmp_path, A + end).files == {"a.dat": b"1 2 3\n"}


def test_what_is_no_archive_is_told_so(tmp_path: Path) -> None:
    """A pattern too wide would be answered with a riddle."""
    for data in (b"", b"hello", b"hello" * 1000, squeeze(b"hello" * 1000), b"\x28\xb5\x2f\xfd"):
        assert refusal(tmp_path, data) == "it is neither tar nor zip"


def test_an_empty_archive_is_whole(tmp_path: Path) -> None:
    """An archive of nothing would be told to be damaged."""
    for data in (END, squeeze(END), bytes(10240)):
        came = release(tmp_path, data)
        assert came.files == {}
        assert came.notes == []


def test_a_header_that_was_changed_is_noticed(tmp_path: Path) -> None:
    """A flipped bit would give a file another name."""
    archive = bytearray(tar(A, entry(b"b.dat", b"4")))
    archive[1024] ^= 1
    assert refusal(tmp_path, bytes(archive)) == "it is damaged or cut off"


def test_a_size_told_by_pax_is_that_of_the_file(tmp_path: Path) -> None:
    """A long name in between would take the size of the file, and all after it be misread."""
    long = entry(b"x", b"long name\0", b"L")
    file = header(b"short", 0) + b"1 2 3\n" + bytes(506)
    for told in (pax((b"size", b"6")) + long, long + pax((b"size", b"6"))):
        archive = tar(told, file, entry(b"b", b"4"))
        assert release(tmp_path, archive).files == {"long name": b"1 2 3\n", "b": b"4"}
