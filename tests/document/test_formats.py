"""JSON and YAML: the same tree as the standard readers give, with places, and nothing odd."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue
from ruamel.yaml import YAML

from orchestrator.document import Place, ProblemsError, parse


def trees(highest: int) -> st.SearchStrategy[dict[str, JsonValue]]:
    """Return a strategy for tables with text up to a character."""
    letters = st.characters(
        exclude_characters="\0", exclude_categories=["Cs"], max_codepoint=highest
    )
    texts = st.text(letters, max_size=8)
    numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    values = st.recursive(
        st.none() | st.booleans() | numbers | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(texts, values, max_size=4)


@given(trees(0x10FFFF), st.sampled_from([None, 0, 3]), st.booleans())
def test_json_is_what_the_standard_library_reads(
    tree: dict[str, JsonValue],
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001 - drawn
) -> None:
    """A value of a job would be another than the file says."""
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_only)
    assert parse(text.encode(), "j.json").tree == tree


@given(st.text(st.sampled_from('{}[]",:\\u0dE-.1tfn \n/'), max_size=30))
def test_json_refuses_what_the_standard_library_refuses(text: str) -> None:
    """A broken file would be taken, or end in a traceback."""
    try:
        tree = parse(text.encode(), "j.json").tree
    except ProblemsError:
        return
    assert tree == json.loads(text)


@given(trees(0xFFFF))
def test_json_is_yaml_too(tree: dict[str, JsonValue]) -> None:
    """A value of a job in YAML would be another than the same in JSON."""
    text = json.dumps(tree)  # beyond 0xFFFF in two escapes, which YAML does not join
    assert parse(text.encode(), "j.yaml").tree == tree


@given(st.text(st.sampled_from("ab:-?[]{},&*!|>'\"%@`#~<=. \n\t\\U1x"), max_size=30))
def test_no_yaml_is_too_odd(text: str) -> None:
    """A file of rubbish in the spool would end the daemon with a traceback."""
    try:
        tree = parse(text.encode(), "j.yaml").tree
    except ProblemsError:
        return
    assert tree == (YAML(typ="safe", pure=True).load(text) or {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("Yes", "Yes"), ("on", "on"), ("y", "y"), ("NO", "NO"),
        ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"),
        ("", None), ("~", None), ("Null", None), ("nUll", "nUll"),
        ("12:30:00", "12:30:00"), ("1_000", "1_000"), ("2027-01-31", "2027-01-31"),
        ("2027-01-31T18:00:00Z", "2027-01-31T18:00:00Z"),
        ("010", 10), ("0o10", 8), ("0x1F", 31), ("+5", 5), ("-5", -5), ("0b1", "0b1"),
        ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("-1.5E-2", -0.015), ("1.2.3", "1.2.3"),
        ("'5'", "5"), ('"true"', "true"), ("|-\n  5", "5"), (">-\n  a\n  b", "a b"),
        ("1 000", "1 000"),
    ],
)  # fmt: skip
def test_words_of_yaml_1_2(text: str, value: JsonValue) -> None:
    """`no` would become false and 12:30:00 a number, as in YAML 1.1."""
    tree = parse(f"a: {text}\n".encode(), "j.yaml").tree
    assert tree == {"a": value}
    assert type(tree["a"]) is type(value)


@pytest.mark.parametrize("word", [".inf", "-.INF", "+.inf", ".NaN", "1e999"])
def test_yaml_numbers_that_are_not_finite(word: str) -> None:
    """A number that JSON cannot keep would be accepted, and lost in the database."""
    with pytest.raises(ProblemsError, match=r"j\.yaml:1:1: a: expected a finite number"):
        parse(f"a: {word}".encode(), "j.yaml")


def test_places_in_json() -> None:
    """Messages about a JSON file would point elsewhere."""
    text = '{"a": {"ä": [1, {"b": null}],\n  "c" :\t{}},\r\n "d": [[2]]}'
    document = parse(text.encode(), "j.json")
    assert document.tree == {"a": {"ä": [1, {"b": None}], "c": {}}, "d": [[2]]}
    assert {path: document.place(path) for path in document.offsets} == {
        ("a",): Place(1, 2),
        ("a", "ä"): Place(1, 8),
        ("a", "ä", 0): Place(1, 14),
        ("a", "ä", 1): Place(1, 17),
        ("a", "ä", 1, "b"): Place(1, 18),
        ("a", "c"): Place(2, 3),
        ("d",): Place(3, 2),
        ("d", 0): Place(3, 8),
        ("d", 0, 0): Place(3, 9),
    }


def test_places_in_yaml() -> None:
    """Messages about a YAML file would point elsewhere."""
    text = "# one\na:\n  'ä': [1, {b: ~}]\n  c: {}\r\nd:\n- - 2\n- |\n  text\n- e: 1\n  f: 2\n"
    document = parse(b"\xef\xbb\xbf" + text.encode(), "j.yml")
    assert document.tree == {
        "a": {"ä": [1, {"b": None}], "c": {}},
        "d": [[2], "text\n", {"e": 1, "f": 2}],
    }
    assert {path: document.place(path) for path in document.offsets} == {
        ("a",): Place(2, 1),
        ("a", "ä"): Place(3, 3),
        ("a", "ä", 0): Place(3, 9),
        ("a", "ä", 1): Place(3, 12),
        ("a", "ä", 1, "b"): Place(3, 13),
        ("a", "c"): Place(4, 3),
        ("d",): Place(5, 1),
        ("d", 0): Place(6, 3),
        ("d", 0, 0): Place(6, 5),
        ("d", 1): Place(7, 3),
        ("d", 2): Place(9, 3),
        ("d", 2, "e"): Place(9, 3),
        ("d", 2, "f"): Place(10, 3),
    }


def test_dates_of_toml_become_text() -> None:
    """A date in TOML would be taken where the same date in JSON or YAML is not, or the reverse."""
    text = b"a = 2027-01-31\nb = 07:32:00\nc = [1979-05-27T07:32:00Z, 1979-05-27 07:32:00.5]"
    assert parse(text, "j.toml").tree == {
        "a": "2027-01-31",
        "b": "07:32:00",
        "c": ["1979-05-27T07:32:00+00:00", "1979-05-27T07:32:00.500000"],
    }


def test_whole_numbers_of_64_bits_are_kept_exactly() -> None:
    """A large number would change on its way."""
    least, most = -(2**63), 2**63 - 1
    for file, text in (
        ("j.toml", f"a = [{least}, {most}]"),
        ("j.json", f'{{"a": [{least}, {most}]}}'),
        ("j.yaml", f"a: [{least}, {most}]"),
    ):
        assert parse(text.encode(), file).tree == {"a": [least, most]}
    with pytest.raises(ProblemsError, match="64 bits"):
        parse(f"a = {most + 1}".encode(), "j.toml")


@pytest.mark.parametrize("file", ["J.TOML", "a.b.Toml", ".toml.toml"])
def test_extensions_in_any_case(file: str) -> None:
    """A file named by a camera, or by Windows, would be refused."""
    assert parse(b"a = 1", file).tree == {"a": 1}


def test_floats_are_read_exactly() -> None:
    """A number with a fraction would change on its way."""
    for file, text in (("j.toml", "a = {}"), ("j.json", '{{"a": {}}}'), ("j.yaml", "a: {}")):
        tree = parse(text.format(repr(math.pi)).encode(), file).tree
        assert tree == {"a": math.pi}
