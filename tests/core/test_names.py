"""Foreign names of outputs become safe local paths."""

import unicodedata
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.names import (
    RESERVED,
    Foreign,
    folders_beside,
    folders_of,
    is_safe,
    local_names,
)

parts = st.one_of(
    st.sampled_from(
        ["a", "A", "a~2", "é", "e\u0301", "ß", "SS", "..", ".", "", "outputs", "a\\b", "x" * 300]
    ),
    st.text(st.characters(exclude_characters="/", exclude_categories=()), max_size=8),
)
names = st.lists(parts, max_size=20).map("/".join)
listings = st.lists(st.builds(Foreign, names, st.booleans()), max_size=12)


LONG = "/".join(["x" * 200] * 4)


@pytest.mark.parametrize(
    ("foreign", "local"),
    [
        ("result.dat", "outputs/result.dat"),
        ("plots/XY.png", "outputs/plots/XY.png"),
        ("/etc/passwd", "outputs/etc/passwd"),
        ("../../.ssh/id", "outputs/__/__/.ssh/id"),
        ("a//./b/", "outputs/a/b"),
        ("C:\\temp\\x", "outputs/C:_temp_x"),
        ("bell\a and\nline\x1b[31m", "outputs/bell_ and_line_[31m"),
        ("right\u202eto left", "outputs/right_to left"),
        ("nul\0", "outputs/nul_"),
        ("latin1 \udce9", "outputs/latin1 _"),
        ("cafe\u0301", "outputs/caf\u00e9"),
        ("", "outputs/unnamed"),
        ("..", "outputs/__"),
        ("x" * 300 + ".dat", "outputs/" + "x" * 196 + ".dat"),
        ("é" * 150, "outputs/" + "é" * 100),
        ("X" + "é" * 150, "outputs/X" + "é" * 99),  # no half letter at the end
        ("x" * 300 + ".", "outputs/" + "x" * 199 + "."),
        ("x" * 300 + "." + "y" * 20, "outputs/" + "x" * 179 + "." + "y" * 20),
        ("x" * 300 + "." + "y" * 21, "outputs/" + "x" * 200),
        ("/".join("abcdefghijklmnopqrstuvwxyz"), "outputs/" + "/".join("abcdefghijklmnz")),
        (f"{LONG}/{'y' * 100}/{'z' * 87}", f"outputs/{LONG}/{'y' * 100}/{'z' * 87}"),
        (f"{LONG}/{'y' * 100}/{'z' * 88}", f"outputs/{LONG}/{'z' * 88}"),  # 1 001 bytes otherwise
    ],
)
def test_each_kind_of_bad_name(foreign: str, local: str) -> None:
    """A hostile or odd name would land outside the result, or could not be created at all."""
    assert local_names([Foreign(foreign)]) == [local]


def test_logs_lie_on_top_and_never_on_our_own_files() -> None:
    """A log called like the manifest would replace it; a log would be taken for an output."""
    logs = [
        Foreign(name, log=True) for name in ("stdout", "manifest.json", "outputs/a", "Spec.toml")
    ]
    assert local_names(logs) == ["stdout", "manifest~2.json", "outputs/a", "Spec~2.toml"]


def test_names_that_meet_get_a_number() -> None:
    """Two outputs would become one on a disk that ignores case, or where a folder has the name."""
    found = local_names(
        [
            Foreign(n)
            for n in ("run.dat", "Run.dat", "run.dat", "a", "a/b", "A/b", "caf\u00e9", "cafe\u0301")
        ]
    )
    assert found == [
        "outputs/run~2.dat",
        "outputs/Run.dat",
        "outputs/run~3.dat",
        "outputs/a~2",
        "outputs/a~3/b",
        "outputs/A/b",
        "outputs/caf\u00e9~2",
        "outputs/caf\u00e9",
    ]


def test_a_number_leaves_the_kind_of_file_to_be_seen() -> None:
    """No viewer would open the second plot; a folder's version would be cut apart."""
    found = local_names([Foreign(n) for n in ("fit.v1.png", "fit.v1.png", "v1.2", "v1.2/x")])
    assert found == [
        "outputs/fit.v1.png",
        "outputs/fit.v1~2.png",
        "outputs/v1.2",
        "outputs/v1.2~2/x",
    ]


@given(listings)
@settings(deadline=None, max_examples=150)
def test_any_listing_fits_on_any_file_system(listing: list[Foreign]) -> None:
    """Some combination of names would lose an output or leave the result's folder."""
    found = local_names(listing)
    assert len(found) == len(listing)
    folded = [unicodedata.normalize("NFC", name.casefold()) for name in found]
    for one, other in combinations(folded, 2):
        assert one != other
        assert not one.startswith(f"{other}/")
        assert not other.startswith(f"{one}/")
    for foreign, name in zip(listing, found, strict=True):
        assert is_safe(name)
        assert name.isprintable() or any(
            unicodedata.category(c) in {"Co", "Cn", "Zs"} for c in name
        )
        assert name.split("/")[0].casefold() not in {r.casefold() for r in RESERVED} - {"outputs"}
        assert foreign.log or name.startswith("outputs/")
        assert all(len(part.encode()) <= 200 for part in name.split("/"))


@given(st.lists(st.builds(Foreign, names, st.booleans()), max_size=6, unique=True), st.randoms())
@settings(deadline=None)
def test_the_order_of_the_listing_does_not_matter(listing: list[Foreign], random: Random) -> None:
    """After a restart the service lists in another order, and fetched files would change names."""
    before = dict(zip(listing, local_names(listing), strict=True))
    random.shuffle(listing)
    assert dict(zip(listing, local_names(listing), strict=True)) == before


def test_every_name_can_be_created(tmp_path: Path) -> None:
    """A name that is safe on paper is refused by the kernel."""
    listing = [Foreign("/".join(["é" * 200] * 30)), Foreign("\0" * 255 + "/x"), Foreign("." * 255)]
    for name in local_names(listing):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)


@pytest.mark.parametrize(
    "path", ["", "/a", "a//b", "../a", "a/..", ".", "a\\b", "a\nb", "x" * 201, "e\u0301", "a/"]
)
def test_what_local_names_did_not_make_is_not_safe(path: str) -> None:
    """The result store would trust a path that did not go through the rules."""
    assert not is_safe(path)


def test_twenty_thousand_equal_names_are_no_burden() -> None:
    """A hostile listing would hold the daemon up for minutes."""
    assert len(set(local_names([Foreign("same")] * 20_000))) == 20_000


def test_folders_of_paths() -> None:
    """Folders would not be synced, or would be taken for foreign ones by verify."""
    assert folders_of(["x", "a/b/c/d", "e/f"]) == {"a", "a/b", "a/b/c", "e"}


@pytest.mark.parametrize(
    ("archive", "folder"),
    [
        ("outputs/CALCULIX.tar.gz", "outputs/CALCULIX"),
        ("outputs/a.TAR.XZ", "outputs/a"),
        ("outputs/a.tgz", "outputs/a"),
        ("outputs/v1.2.zip", "outputs/v1.2"),
        ("outputs/deep.er/a.b.tar", "outputs/deep.er/a.b"),
        ("outputs/deep.er/a", "outputs/deep.er/a~2"),
        ("outputs/.zip", "outputs/.zip~2"),
        ("outputs/.tar.gz", "outputs/.tar"),
        ("outputs/a.b c", "outputs/a.b c~2"),
        ("outputs/tar.gz", "outputs/tar"),
    ],
)
def test_an_archives_folder_is_named_like_it(archive: str, folder: str) -> None:
    """A person would not find what was unpacked."""
    assert folders_beside([archive], [archive]) == {archive: folder}


def test_an_archives_folder_is_its_alone() -> None:
    """What is unpacked would be mixed with other outputs, or with that of another archive."""
    names = ["o/a.zip", "o/a.tar", "o/A~2/x/y", "o/b.zip", "o/B", "o/a", "o/c.zip", "o/C~2"]
    archives = ["o/c.zip", "o/b.zip", "o/a.zip", "o/a.tar"]
    assert folders_beside(archives, names) == {
        "o/a.tar": "o/a~3",
        "o/a.zip": "o/a~4",
        "o/b.zip": "o/b~2",
        "o/c.zip": "o/c",
    }
    assert folders_beside(iter(archives), iter(names)) == folders_beside(archives, names)
    assert folders_beside([], names) == {}
