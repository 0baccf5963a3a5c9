"""Every key and list item of a TOML text has its place, however it is written."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.document import KeyPath, Place, ProblemsError, parse

KEYS = st.sampled_from(["a", "b-c", "1", "true", "x y", "ä", "q\"'", "", "a.b", "tab\t", "#", "="])
SCALARS = st.sampled_from(
    ["1", "-0.5", "true", '"a]}#,"', "'b\"]'", '"""c\n]"" \\" #"""', "'''d\n''}'''", '""""e"""""',
     "2027-01-31 10:00:00", "inf", '""', "''", '""""""', '"\\\\"', "'\\'"]
)  # fmt: skip
GAPS = st.sampled_from(["", " ", "\n", " # [x] = {\n", "\t"])


def spelled(key: str) -> list[str]:
    """Return every way in which these tests write a key."""
    ways = [json.dumps(key), json.dumps(key, ensure_ascii=False)]
    if "'" not in key:
        ways.append(f"'{key}'")
    if key.isascii() and key.replace("-", "a").isalnum():
        ways.append(key)
    return ways


@st.composite
def dotted(draw: st.DrawFn) -> str:
    """Draw a key of one to three parts."""
    parts = draw(st.lists(KEYS, min_size=1, max_size=3))
    dot = draw(st.sampled_from([".", " . ", "\t."]))
    return dot.join(draw(st.sampled_from(spelled(it))) for it in parts)


@st.composite
def pairs(draw: st.DrawFn, value: st.SearchStrategy[str]) -> str:
    """Draw a key with its value."""
    return f"{draw(dotted())}{draw(st.sampled_from(['=', ' = ']))}{draw(value)}"


@st.composite
def lists(draw: st.DrawFn, value: st.SearchStrategy[str]) -> str:
    """Draw a list of values, over several lines perhaps."""
    items = draw(st.lists(value, max_size=3))
    inside = "".join(f"{draw(GAPS)}{item}{draw(GAPS)}," for item in items)
    return f"[{inside}{draw(GAPS)}]"


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        lists(inner), st.lists(pairs(inner), max_size=2).map(lambda it: f"{{ {', '.join(it)} }}")
    ),
    max_leaves=6,
)
LINES = st.one_of(
    pairs(VALUES),
    dotted().map(lambda it: f"[ {it} ]"),
    dotted().map(lambda it: f"[[{it}]] # more"),
    st.just("# a = 1"),
    st.just(""),
)


def paths(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every path of a tree with its value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        yield (*path, key), inner
        if isinstance(inner, dict | list):
            yield from paths(inner, (*path, key))


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_every_path_has_its_place(text: str) -> None:
    """A message would point to a line that has nothing to do with the mistake."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        tree = None
    try:
        document = parse(text.encode(), "j.toml")
    except ProblemsError as error:
        unfit = [it.expected for it in error.problems] == ["a finite number"] * len(error.problems)
        assert tree is None or unfit
        return
    assert tree is not None
    lines = text.split("\n")
    for path, value in paths(tree):
        assert path in document.offsets
        place = document.place(path)
        here = "\n".join(lines[place.line - 1 :])[place.column - 1 :]
        key = path[-1]
        if isinstance(key, str):
            assert here.startswith(tuple(spelled(key)))
        elif isinstance(value, list):
            assert here.startswith("[")
        elif isinstance(value, dict):
            assert here.startswith(("{", *spelled(str(path[-2]))))
        elif isinstance(value, str):
            assert here.startswith(('"', "'"))
        elif isinstance(value, bool | int):
            assert here.startswith(json.dumps(value))


@given(st.text(st.sampled_from("ab=.,[]{}\"'# \n\\1"), max_size=40))
def test_no_text_is_too_odd(text: str) -> None:
    """A file of rubbish in the spool would end the daemon with a traceback."""
    try:
        tree = parse(text.encode(), "j.toml").tree
    except ProblemsError:
        return
    assert tree == tomllib.loads(text)


def test_places_of_everything_toml_has() -> None:
    """Messages about this kind of key would point elsewhere."""
    text = """\
name = "a"
a.b . "c d".'e' = 1
list = [ 1, [ 2, { x = 3, y.z = [ 4 ] } ],
  # none
  5 ]
long = \"\"\"
[no.table]
no = key\"\"\"
[ t . "u.v" ]
quoted = [ \"\"\"\"e\"\"\"\"\", '''''f''''', 1 ]
k = { in.line = { deep = true } }
[[s]]
n = 1
[s.sub]
m = 1
[[s.deep]]
o = 1
[[s]]
n = 2
[[s.deep]]
o = 2
"""
    document = parse(text.encode(), "j.toml")
    assert {path: document.place(path) for path, _ in paths(document.tree)} == {
        ("name",): Place(1, 1),
        ("a",): Place(2, 1),
        ("a", "b"): Place(2, 3),
        ("a", "b", "c d"): Place(2, 7),
        ("a", "b", "c d", "e"): Place(2, 13),
        ("list",): Place(3, 1),
        ("list", 0): Place(3, 10),
        ("list", 1): Place(3, 13),
        ("list", 1, 0): Place(3, 15),
        ("list", 1, 1): Place(3, 18),
        ("list", 1, 1, "x"): Place(3, 20),
        ("list", 1, 1, "y"): Place(3, 27),
        ("list", 1, 1, "y", "z"): Place(3, 29),
        ("list", 1, 1, "y", "z", 0): Place(3, 35),
        ("list", 2): Place(5, 3),
        ("long",): Place(6, 1),
        ("t",): Place(9, 3),
        ("t", "u.v"): Place(9, 7),
        ("t", "u.v", "quoted"): Place(10, 1),
        ("t", "u.v", "quoted", 0): Place(10, 12),
        ("t", "u.v", "quoted", 1): Place(10, 24),
        ("t", "u.v", "quoted", 2): Place(10, 37),
        ("t", "u.v", "k"): Place(11, 1),
        ("t", "u.v", "k", "in"): Place(11, 7),
        ("t", "u.v", "k", "in", "line"): Place(11, 10),
        ("t", "u.v", "k", "in", "line", "deep"): Place(11, 19),
        ("s",): Place(12, 3),
        ("s", 0): Place(12, 3),
        ("s", 0, "n"): Place(13, 1),
        ("s", 0, "sub"): Place(14, 4),
        ("s", 0, "sub", "m"): Place(15, 1),
        ("s", 0, "deep"): Place(16, 5),
        ("s", 0, "deep", 0): Place(16, 5),
        ("s", 0, "deep", 0, "o"): Place(17, 1),
        ("s", 1): Place(18, 3),
        ("s", 1, "n"): Place(19, 1),
        ("s", 1, "deep"): Place(20, 5),
        ("s", 1, "deep", 0): Place(20, 5),
        ("s", 1, "deep", 0, "o"): Place(21, 1),
    }


def test_places_count_characters_and_one_line_for_each_line_end() -> None:
    """Columns would be off behind an umlaut, lines in a file from Windows."""
    text = '\ufeffname = "a"\r\n"ä" = 1\r\nt = { "äö" = 1, b = """\r\n""", c = 2 }\r\n'
    document = parse(text.encode(), "j.toml")
    assert document.tree == {"name": "a", "ä": 1, "t": {"äö": 1, "b": "", "c": 2}}
    assert document.place(("name",)) == (1, 1)
    assert document.place(("ä",)) == (2, 1)
    assert document.place(("t", "b")) == (3, 17)
    assert document.place(("t", "c")) == (4, 6)


def test_what_is_missing_is_placed_at_its_table() -> None:
    """A message about a missing key would point to the beginning of the file."""
    document = parse(b"a = 1\n\n[run]\nb = [1]\n", "j.toml")
    assert document.place(("run", "command")) == (3, 2)
    assert document.place(("run", "b", 5, "x")) == (4, 1)
    assert document.place(("other",)) == (1, 1)
