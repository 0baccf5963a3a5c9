"""What people read when a job file cannot be taken: the exact words, and all of them at once."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.document import ProblemsError, read_spec

CASES = tomllib.loads(Path(__file__).with_name("bad_specs.toml").read_text("utf-8"))["case"]
Kinds = Mapping[str, type[BaseModel]]


def complaints(data: bytes, file: str, kinds: Kinds) -> list[str]:
    """Return the lines that a bad file is answered with."""
    with pytest.raises(ProblemsError) as caught:
        read_spec(data, file, kinds, default_name="job")
    lines = [str(it) for it in caught.value.problems]
    assert str(caught.value).split("\n") == lines
    assert all(line.isprintable() for line in lines)
    return lines


@pytest.mark.parametrize("case", CASES, ids=[it["about"] for it in CASES])
def test_each_bad_spec_gets_its_words(case: dict[str, Any], kinds: Kinds) -> None:
    """A user would be told too little, the wrong thing, or the wrong place."""
    assert complaints(case["text"].encode(), case["file"], kinds) == case["says"]


@pytest.mark.parametrize("ending", ["toml", "json", "yaml"])
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'a = "\xfc"', "1:6: expected text in UTF-8, found the byte 0xFC"),
        (
            b'a = "\xc3\xa4"\r\nb = "\xc3\xa4\xed\xa0\x80',
            "2:7: expected text in UTF-8, found the byte 0xED",
        ),
        ("name".encode("utf-16"), "1:1: expected text in UTF-8, found the byte 0xFF"),
        (b"a = 1\n\x00", "2:1: expected text, found a NUL character"),
    ],
)
def test_bytes_that_are_no_text(data: bytes, says: str, ending: str, kinds: Kinds) -> None:
    """A file in another encoding would end in a traceback, or its text be changed unseen."""
    assert complaints(data, f"j.{ending}", kinds) == [f"j.{ending}:{says}"]


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("j.toml", "a = {}", "1:5"),
        ("j.toml", "a = 1\nb = [1,\n {}]", "3:2"),
        ("j.json", '{{"a": {}}}', "1:7"),
        ("j.yaml", "b: c\na: {}", "2:4: a"),
    ],
)
def test_thousands_of_digits(file: str, text: str, says: str, kinds: Kinds) -> None:
    """A number that Python refuses to convert would end in a traceback."""
    data = text.format("7" * 5000).encode()
    assert complaints(data, file, kinds) == [
        f"{file}:{says}: expected a number, found thousands of digits"
    ]


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("j.toml", "a = " + "[" * 100_000, "1:69"),
        ("j.toml", "a = " + "{a=" * 100_000, "1:195"),
        ("j.toml", "a." * 100_000 + "a = 1", "1:129"),
        ("j.toml", "[" + "a." * 100_000 + "a]", "1:130"),
        ("j.json", '{"a":' + "[" * 100_000, "1:70"),
        ("j.json", '{"a":' * 100_000, "1:322"),
        ("j.yaml", "a: " + "[" * 1_000, "1:68"),
        ("j.yaml", "{a: " * 1_000, "1:258"),
        ("j.yaml", "a:\n" + "- " * 1_000, "2:129"),
    ],
)
def test_too_deep(file: str, text: str, says: str, kinds: Kinds) -> None:
    """A small file of brackets would end the daemon with a RecursionError, or keep it for hours."""
    assert complaints(text.encode(), file, kinds) == [
        f"{file}:{says}: expected at most 64 tables and lists inside each other, found more"
    ]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("j.toml", "a = [" + "1," * 20_000 + "]"),
        ("j.toml", "[[a]]\n" * 20_000),
        ("j.json", '{"a": [' + "1," * 20_000 + "1]}"),
        ("j.yaml", "a: [" + "1," * 20_000 + "]"),
    ],
)
def test_too_many(file: str, text: str, kinds: Kinds) -> None:
    """A file of a million values would take a minute and the memory of the workstation."""
    (line,) = complaints(text.encode(), file, kinds)
    assert line.endswith("expected at most 10000 keys and list items, found more")


def test_half_of_each_sample_is_refused_or_read(kinds: Kinds) -> None:
    """A file that was cut off would end in a traceback."""
    samples = {
        "j.toml": SAMPLE,
        "j.json": b'{"name": "a\\u00e4\\"", "run": {"command": ["x", 1e3, {"b": null}]}}',
        "j.yaml": 'name: "ä\\x41"\nrun:\n  command: [x, {b: ~}]\n  script: |\n    a\n'.encode(),
    }
    refused = 0
    for file, data in samples.items():
        for end in range(len(data)):
            try:
                read_spec(data[:end], file, kinds, default_name="job")
            except ProblemsError as error:
                refused += 1
                for problem in error.problems:
                    assert problem.line <= data[:end].count(b"\n") + 1
                    assert problem.column >= 1
    assert refused > 400


SAMPLE = '''# a bëam
name = "b\\u00e9am"
tags = [
  "one", # the first
  'two',
]

[run]
command = ["ccx", "-i", 'C:\\path', """a
"quoted" \\
  b""", \'\'\'x'y\'\'\']
"quoted key".'literal key'.bare = { x = 1, y.z = [true, { w = 1979-05-27 07:32:00 }] }

[[steps]]
at = 1979-05-27T07:32:00Z

  [[steps.parts]]
  size = 0xff

[limits]
time = 1.5e3
'''.encode()
