"""Patterns choose the files a user means."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.patterns import any_of, matches, parse_pattern, selecting
from orchestrator.core.spec import Outputs


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("*.dat", ["a.dat", "x/y/a.dat", ".dat", "a\nb.dat"], ["a.data", "a.dat/x"]),
        ("plots/*.png", ["plots/a.png"], ["plots/x/a.png", "x/plots/a.png", "plots"]),
        ("plots/**", ["plots/a", "plots/x/y"], ["plots", "x/plots/a"]),
        ("**/log/*", ["log/a", "x/y/log/a"], ["log", "log/x/a"]),
        ("a/**/z", ["a/z", "a/b/c/z"], ["a/b", "z"]),
        ("*/**", ["x/a.dat", "x/y/a"], ["a.dat"]),
        ("**", ["a", "a/b/c"], []),
        ("a?c", ["abc", "x/a.c"], ["ac", "a/c"]),
        ("[a-c]1", ["a1", "c1"], ["d1", "-1"]),
        ("[!a-c]1", ["d1", "!1"], ["a1"]),
        ("[!a]", ["b"], ["a"]),
        ("[a!]", ["a", "!"], ["b"]),
        ("[a][b]", ["ab"], ["a]"]),
        ("[]]", ["]"], ["["]),
        ("a[!]]", ["ab"], ["a]", "ab]"]),
        ("[ab", ["[ab"], ["a"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("A", ["A"], ["a"]),
        ("X", ["X"], ["x"]),
        (" ", [" "], [""]),
        ("a.c", ["a.c"], ["abc"]),
        ("*a*b*", ["xaxbx", "ab"], ["ba"]),
    ],
)
def test_a_pattern_means(pattern: str, meant: list[str], not_meant: list[str]) -> None:
    """A user would get other files than the documentation says."""
    parsed = parse_pattern(pattern)
    assert [path for path in meant if not matches(parsed, path)] == []
    assert [path for path in not_meant if matches(parsed, path)] == []


@pytest.mark.parametrize("pattern", ["", "/", "//"])
def test_a_pattern_without_a_name_is_refused(pattern: str) -> None:
    """A pattern that can never match would silently leave results behind."""
    with pytest.raises(ValueError, match=r"^a pattern names files, such as \*\.dat or plots/\*\*$"):
        parse_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["/a", "a/", "../x", "a/../b", "./a", "a//b", "a/.", "//a", "..", "."]
)
def test_a_pattern_that_leads_out_or_nowhere_is_refused(pattern: str) -> None:
    """A pattern that can never match would silently leave results behind."""
    with pytest.raises(ValueError, match=r"a pattern cannot hold") as caught:
        parse_pattern(pattern)
    expected = f"{pattern!r}: a pattern cannot hold './', '../' or a '/' that parts nothing"
    assert str(caught.value) == expected


@given(st.lists(st.text("ab[]*?!-", min_size=1, max_size=6), min_size=1, max_size=3))
def test_a_name_without_wildcards_means_itself(names: list[str]) -> None:
    """A file could not be asked for by its name."""
    path = "/".join(names)
    parse_pattern(path)
    if not set(path) & set("[]*?"):
        assert matches(parse_pattern(path), path)


def test_no_pattern_takes_long() -> None:
    """One odd pattern would hold up all harvests."""
    began = time.process_time()
    assert not matches(parse_pattern("*a" * 30 + "b"), "a" * 250)
    assert not matches(parse_pattern("**/a/" * 20 + "b"), "a/" * 100 + "c")
    assert time.process_time() - began < 1


def test_any_of_several_patterns() -> None:
    """An archive would be unpacked that nobody meant, or one that was meant be left alone."""
    is_meant = any_of(iter(["*.zip", "deep/*.tar"]))
    paths = ["a.zip", "x/a.zip", "deep/a.tar", "a.tar", "x/deep/a.tar"]
    assert [path for path in paths if is_meant(path)] == ["a.zip", "x/a.zip", "deep/a.tar"]
    assert not any_of(())("a.zip")
    with pytest.raises(ValueError, match="a pattern cannot hold"):
        any_of(["*.zip", "/a"])


@pytest.mark.parametrize(
    ("wanted", "inputs", "outputs"),
    [
        (Outputs(), (), ["a.dat", "b.log", "x/a.dat"]),
        (Outputs(), ("b.log",), ["a.dat", "x/a.dat"]),
        (Outputs(exclude=("x/**", "*.log")), (), ["a.dat"]),
        (Outputs(include=("*.dat",)), ("a.dat",), ["a.dat", "x/a.dat"]),
        (Outputs(include=("*.dat", "*.log"), exclude=("x/*",)), (), ["a.dat", "b.log"]),
        (Outputs(include=()), (), []),
    ],
)
def test_the_outputs_of_a_run(wanted: Outputs, inputs: tuple[str, ...], outputs: list[str]) -> None:
    """A result would be without files that were asked for, or full of the job's own inputs."""
    chosen = selecting(wanted, inputs)
    assert [path for path in ("a.dat", "b.log", "x/a.dat") if chosen(path)] == outputs
    if not inputs:
        assert [
            path for path in ("a.dat", "b.log", "x/a.dat") if selecting(wanted)(path)
        ] == outputs
