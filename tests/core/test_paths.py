"""Names of inputs and patterns of outputs stay inside the run's directory."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.paths import check_inside, check_source, nested


@pytest.mark.parametrize(
    "path", ["a", "a/b", "*.dat", "plots/**/*.png", ".hidden", "a b", "Träger.inp", "...", "a..b",
             "~", "x" * 255, "back\\slash", "/".join(["x" * 99] * 10) + "x"]
)  # fmt: skip
def test_good_paths_are_kept(path: str) -> None:
    """A file could not be named."""
    assert check_inside(path) == path


BAD = [
    ("/a", 'without "/" at its beginning'),
    ("//a", 'without "/" at its beginning'),
    ("/", 'without "/" at its beginning'),
    ("..", 'without ".."'),
    ("a/../b", 'without ".."'),
    ("a/..", 'without ".."'),
    ("", 'without empty parts and without "."'),
    (".", 'without empty parts and without "."'),
    ("a//b", 'without empty parts and without "."'),
    ("./a", 'without empty parts and without "."'),
    ("a/", 'without empty parts and without "."'),
    ("a\nb", "without control characters"),
    ("a\x00b", "without control characters"),
    ("a\x9bb", "without control characters"),
    ("a/" + "x" * 256, "of at most 1000 bytes, 255 between slashes"),
    ("ä" * 128, "of at most 1000 bytes, 255 between slashes"),
    ("/".join(["x" * 99] * 10) + "xx", "of at most 1000 bytes, 255 between slashes"),
]


@pytest.mark.parametrize(("path", "says"), BAD)
def test_bad_paths_are_refused(path: str, says: str) -> None:
    """A job could read or write outside its directory."""
    with pytest.raises(ValueError, match=r"^expected") as caught:
        check_inside(path)
    assert str(caught.value) == f"expected a path inside the run's directory, {says}"


@given(st.text(st.sampled_from("./ab\n"), max_size=8))
def test_what_is_kept_can_not_leave(path: str) -> None:
    """A job could read or write outside its directory by a spelling nobody thought of."""
    try:
        check_inside(path)
    except ValueError:
        return
    assert not PurePosixPath(path).is_absolute()
    assert ".." not in PurePosixPath(path).parts
    assert str(PurePosixPath(path)) == path


@pytest.mark.parametrize("path", ["a", "a/b", "/a", "/a/b", "/.hidden"])
def test_good_sources_are_kept(path: str) -> None:
    """An input could not be named."""
    assert check_source(path) == path


@pytest.mark.parametrize(
    ("path", "says"),
    [
        *((path, says) for path, says in BAD if not path.startswith("/")),
        ("~/a", 'without "~" at its beginning'),
        ("~me/a", 'without "~" at its beginning'),
        ("//a", 'without "/" at its beginning'),
        ("/", 'without empty parts and without "."'),
        ("/a/../b", 'without ".."'),
        ("/a\nb", "without control characters"),
    ],
)
def test_bad_sources_are_refused(path: str, says: str) -> None:
    """A dropped folder could take files from beside it along."""
    with pytest.raises(ValueError, match=r"^expected") as caught:
        check_source(path)
    assert str(caught.value) == f"expected a file beside the spec or an absolute path, {says}"


def test_names_inside_each_other() -> None:
    """An input would be a file and a directory at once, and staging fail half-way."""
    assert list(nested(["a", "ab", "b/c", "b/d", "e/f/g"])) == []
    assert list(nested(["a/b/c", "a", "x", "a/b"])) == [
        ("a/b", "a"),
        ("a/b/c", "a/b"),
        ("a/b/c", "a"),
    ]
    assert list(nested(["", "/a"])) == []
