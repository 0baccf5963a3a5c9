"""Outputs are fetched into staging: checked, bounded, never through a link."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.store.results import (
    Announced,
    Fetched,
    MismatchError,
    ResultError,
    StoppedError,
    begin,
    discard,
    fetch,
    leftovers,
    parts,
)
from tests.store.results.scenario import fetch_one

BYTES = b"twelve bytes"
SHA = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def staging(home: Home) -> Path:
    """Return the staging folder of a run."""
    return begin(home, "key")


def test_a_file_arrives_whole(staging: Path) -> None:
    """The output would have other bytes, another hash, or could be changed by accident."""
    chunks = iter([BYTES[:5], b"", BYTES[5:]])
    got = fetch_one(staging, "outputs/a/b.dat", chunks, size=12, sha256=SHA.upper())
    assert got == Fetched("outputs/a/b.dat", 12, SHA, "checksum")
    path = staging / "outputs/a/b.dat"
    assert path.read_bytes() == BYTES
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_an_empty_file_is_a_file(staging: Path) -> None:
    """A run without output on stderr could not be harvested."""
    assert fetch_one(staging, "stderr", iter([]), size=0).size == 0
    assert (staging / "stderr").read_bytes() == b""


@pytest.mark.parametrize(
    ("announced", "words"),
    [
        ({"size": 13}, "12 of 13 announced bytes came"),
        ({"size": 11}, "more than the announced 11 bytes came"),
        ({"size": 0}, "more than the announced 0 bytes came"),
        ({"sha256": "0" * 64}, "its SHA-256 is"),
    ],
)
def test_other_bytes_than_announced(
    staging: Path, announced: dict[str, object], words: str
) -> None:
    """A cut or garbled transfer would be published as the result."""
    with pytest.raises(MismatchError, match=words):
        fetch_one(staging, "a", iter([BYTES]), **announced)
    assert list(staging.iterdir()) == []


def test_an_endless_answer_is_cut_off(staging: Path) -> None:
    """A service that never stops sending would fill the disk."""
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield BYTES

    with pytest.raises(MismatchError):
        fetch_one(staging, "a", endless(), size=30)
    assert taken == 3


def stops_at(call: int) -> Callable[[], bool]:
    """Return a stop that says yes from its n-th call on."""
    answers = iter([False] * (call - 1))
    return lambda: next(answers, True)


def test_it_stops_when_asked(staging: Path) -> None:
    """Shutting down would wait for a transfer of an hour."""
    with pytest.raises(StoppedError, match="while a was being fetched"):
        fetch_one(staging, "a", iter([BYTES] * 3), stop=stops_at(2))
    assert not (staging / "a").exists()


def test_the_errors_of_a_backend_pass_through(staging: Path) -> None:
    """A network error would be taken for a failure of our own disk, and end the daemon."""

    def failing() -> Iterator[bytes]:
        yield BYTES
        raise OSError(5, "the network's EIO, not the disk's")

    with pytest.raises(OSError, match="not the disk's"):
        fetch_one(staging, "a", failing())
    assert not (staging / "a").exists()


class Source:
    """An output of ten chunks that can be read from any offset, and breaks off where it is told."""

    WHOLE = bytes(range(256)) * 10

    def __init__(self, *breaks: int, restarts: bool = False) -> None:
        self.breaks = list(breaks)
        self.restarts = restarts
        self.asked: list[int] = []

    @contextmanager
    def open(self, offset: int) -> Iterator[tuple[int, Iterator[bytes], str | None]]:
        """Begin at the offset, or anew."""
        self.asked.append(offset)
        start = 0 if self.restarts else offset
        yield start, self._chunks(start), None

    def _chunks(self, at: int) -> Iterator[bytes]:
        until = self.breaks.pop(0) if self.breaks else len(self.WHOLE)
        while at < until:
            yield self.WHOLE[at : min(at + 256, until)]
            at += 256
        if until < len(self.WHOLE):
            raise ConnectionResetError


MD5 = hashlib.md5(Source.WHOLE, usedforsecurity=False).hexdigest()


def test_what_broke_off_is_gone_on_with(staging: Path) -> None:
    """Ninety of a hundred gigabytes would be paid for again, and the end be wrongly joined."""
    source = Source(700, 1500)
    announced = Announced(len(Source.WHOLE), md5=MD5)
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            fetch(staging, "a", source.open, announced, stop=lambda: False, keep_free=0)
        assert begin_again(staging) == staging
    got = fetch(staging, "a", source.open, announced, stop=lambda: False, keep_free=0)
    assert source.asked == [0, 700, 1500]
    assert got.sha256 == hashlib.sha256(Source.WHOLE).hexdigest()
    assert (staging / "a").read_bytes() == Source.WHOLE
    assert [path.name for path in staging.iterdir()] == ["a"]


def test_a_part_is_thrown_away_when_it_begins_anew(staging: Path) -> None:
    """Two versions of a file would be joined."""
    source = Source(700, restarts=True)
    with pytest.raises(ConnectionResetError):
        fetch(staging, "a", source.open, Announced(), stop=lambda: False, keep_free=0)
    got = fetch(staging, "a", source.open, Announced(), stop=lambda: False, keep_free=0)
    assert source.asked == [0, 700]
    assert (got.size, (staging / "a").read_bytes()) == (len(Source.WHOLE), Source.WHOLE)


def test_a_damaged_part_is_noticed_and_not_kept(staging: Path) -> None:
    """A part that went bad on the disk would make every further try fail."""
    source, announced = Source(700), Announced(len(Source.WHOLE), md5=MD5)
    with pytest.raises(ConnectionResetError):
        fetch(staging, "a", source.open, announced, stop=lambda: False, keep_free=0)
    [part] = staging.iterdir()
    part.write_bytes(b"?" + part.read_bytes()[1:])
    with pytest.raises(MismatchError, match="MD5"):
        fetch(staging, "a", source.open, announced, stop=lambda: False, keep_free=0)
    fetch(staging, "a", source.open, announced, stop=lambda: False, keep_free=0)
    assert source.asked == [0, 700, 0]


def test_a_part_of_an_earlier_boot_is_not_gone_on_with(
    staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut a part may be as long as ever, and hold zeros."""
    source = Source(700)
    with pytest.raises(ConnectionResetError):
        fetch(staging, "a", source.open, Announced(), stop=lambda: False, keep_free=0)
    monkeypatch.setattr(parts, "_boot", lambda: "ffffffff")
    assert begin_again(staging) == staging
    assert list(staging.iterdir()) == []
    fetch(staging, "a", source.open, Announced(), stop=lambda: False, keep_free=0)
    assert source.asked == [0, 0]


def begin_again(staging: Path) -> Path:
    """Open the staging folder as the next try does."""
    return begin(Home(staging.parents[2]), staging.name)


def test_a_leftover_is_replaced_and_a_link_never_followed(staging: Path, tmp_path: Path) -> None:
    """A killed try would block the file for ever; a planted link would let us overwrite others."""
    foreign = tmp_path / "foreign"
    foreign.write_text("mine")
    (staging / "a").symlink_to(foreign)
    fetch_one(staging, "a", iter([BYTES]))
    fetch_one(staging, "a", iter([b"again"]))
    assert (staging / "a").read_bytes() == b"again"
    assert not (staging / "a").is_symlink()
    assert foreign.read_text() == "mine"


def test_a_linked_folder_is_never_followed(staging: Path, tmp_path: Path) -> None:
    """Outputs would be written outside the home."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (staging / "outputs").symlink_to(outside)
    with pytest.raises(ResultError, match="outputs/a"):
        fetch_one(staging, "outputs/a", iter([BYTES]))
    assert list(outside.iterdir()) == []


def test_a_name_that_was_not_made_safe_is_refused(staging: Path) -> None:
    """A name straight from a service would be used as a path."""
    with pytest.raises(ValueError, match="not a safe local name"):
        fetch_one(staging, "../a", iter([BYTES]))


def test_leftovers_are_listed_and_discarded(home: Home, tmp_path: Path) -> None:
    """Staging would fill the disk with runs nobody remembers, or discard would reach outside."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    for key in ("key2", "key1"):
        fetch_one(begin(home, key), "outputs/deep/a", iter([BYTES]))
    (home.staging / "key1" / "link").symlink_to(tmp_path / "kept")
    (home.staging / "key1" / "outputs" / "deep").chmod(0o555)
    assert leftovers(home) == ["key1", "key2"]
    discard(home, "key1")
    discard(home, "never there")
    assert leftovers(home) == ["key2"]
    assert (tmp_path / "kept" / "file").exists()
