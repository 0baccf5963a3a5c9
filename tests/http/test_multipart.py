"""Forms with files, as bytes: what they hold, and what of a changed file never goes out."""

import hashlib
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.backend import RejectedError, TransientError
from orchestrator.backends.http import Field, FilePart
from orchestrator.backends.http.multipart import BLOCK, Body
from tests.http.conftest import file_part, flat_memory

texts = st.text(st.characters(codec="utf-8"))


def sent(*parts: Field | FilePart) -> tuple[bytes, bytes]:
    """Return a whole body, and its boundary."""
    body = Body(parts)
    data = b"".join(body.blocks())
    assert len(data) == body.length
    return data, body.content_type.removeprefix("multipart/form-data; boundary=").encode()


def test_a_form_is_written_as_browsers_do(tmp_path: Path) -> None:
    """A service would take an input for another, or a name could add fields of its own."""
    data, boundary = sent(
        Field("tag", "a"),
        Field("tag", 'b"\r\nc'),
        file_part(tmp_path / "x", b"\0\r\n--", name='fi"le', filename='m\r\nb"ü.inp'),
        file_part(tmp_path / "empty", b"", name="fi\nle"),
        Field("", ""),
    )
    disposition = b"\r\nContent-Disposition: form-data; name="
    octets = b"\r\nContent-Type: application/octet-stream"
    assert data.split(b"--" + boundary) == [
        b"",
        disposition + b'"tag"\r\n\r\na\r\n',
        disposition + b'"tag"\r\n\r\nb"\r\nc\r\n',
        disposition
        + '"fi%22le"; filename="m%0D%0Ab%22ü.inp"'.encode()
        + octets
        + b"\r\n\r\n\0\r\n--\r\n",
        disposition + b'"fi%0Ale"; filename="empty"' + octets + b"\r\n\r\n\r\n",
        disposition + b'""\r\n\r\n\r\n',
        b"--\r\n",
    ]


@settings(max_examples=25)
@given(fields=st.lists(st.tuples(texts, texts)))
def test_the_length_is_told_and_the_boundary_is_in_no_value(fields: list[tuple[str, str]]) -> None:
    """A service would wait for bytes that never come, or see an end where there is none."""
    data, boundary = sent(*(Field(*one) for one in fields))
    pieces = data.split(b"--" + boundary)
    assert [one.partition(b"\r\n\r\n")[2] for one in pieces[1:-1]] == [
        f"{value}\r\n".encode() for _, value in fields
    ]


def test_no_two_forms_have_the_same_boundary() -> None:
    """Whoever writes an input could write parts into a form of the next run."""
    assert sent()[1] != sent()[1]


def test_a_boundary_that_a_value_holds_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value would end in the middle, and what it holds be read as more parts."""
    drawn = iter(["aa", "bb", "cc"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(drawn))
    assert sent(Field("x", "--aa"), Field("bb", "y"))[1] == b"cc"


def test_what_is_no_text_is_told_before_anything_is_sent() -> None:
    """The call would break off in the middle, and the job be doubtful for nothing."""
    with pytest.raises(UnicodeEncodeError):
        Body([Field("x", "\ud800")])


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_files_of_any_size_come_whole(size: int, tmp_path: Path) -> None:
    """An input would be cut where a block ends."""
    data = os.urandom(size)
    form, _ = sent(file_part(tmp_path / "x", data), Field("task", "t"))
    assert form.partition(b"octet-stream\r\n\r\n")[2].startswith(data + b"\r\n--")


def test_a_large_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    """A large input would take the memory that the runs of this machine need."""
    size = 64 << 20
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
    zeros, hashed = bytes(1 << 20), hashlib.sha256()
    for _ in range(64):
        hashed.update(zeros)
    part = FilePart("x", "x", tmp_path / "large", size, hashed.hexdigest())
    with flat_memory():
        assert max(map(len, Body([part]).blocks())) < 3 * BLOCK


def rewrite(path: Path) -> None:
    """Change one byte in place: the size stays."""
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")


def make_pipe(path: Path) -> None:
    """Put a pipe in its place that nobody writes to."""
    path.unlink()
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Callable[[Path], object]] = {
    "another byte": rewrite,
    "shorter": lambda path: os.truncate(path, 2 * BLOCK),
    "longer": lambda path: os.truncate(path, 4 * BLOCK),
    "gone": Path.unlink,
    "a pipe": make_pipe,
    "a folder": make_folder,
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_file_that_changed_before_is_told(
    change: Callable[[Path], object], tmp_path: Path
) -> None:
    """A run would start with an input that nobody had checked."""
    path = tmp_path / "mesh.inp"
    body = Body([file_part(path, os.urandom(3 * BLOCK))])
    change(path)
    with pytest.raises(RejectedError, match=r"mesh\.inp changed"):
        list(body.files())


@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("kind", ["another byte", "shorter", "longer"])
def test_a_file_that_changes_on_the_way_never_comes_whole(
    kind: str, blocks: int, tmp_path: Path
) -> None:
    """A run would start with half of one input and half of another."""
    data, path = os.urandom(3 * BLOCK), tmp_path / "mesh.inp"
    body = Body([Field("first", "x"), file_part(path, data), Field("task", "shell")])
    coming = body.blocks()
    got = [next(coming) for _ in range(blocks)]
    CHANGES[kind](path)
    with pytest.raises(RejectedError, match="changed"):
        got.extend(coming)
    assert sum(map(len, got)) < len(data), "not even the last bytes of the file"
    assert b"shell" not in b"".join(got)


def test_a_file_that_cannot_be_read_now_refuses_nothing(tmp_path: Path) -> None:
    """A job would be refused for good because this machine is short of something for a moment."""
    body = Body([file_part(tmp_path / "x", b"x")])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(TransientError, match="cannot be read now: Too many open files"):
            list(body.files())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
