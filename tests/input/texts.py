"""Job files that are no text, too much text, or text at the edge of what is taken."""

import json
from random import Random

from tests.input.case import Case
from tests.input.group import GOOD

RUN = GOOD.decode()
LARGEST = 1 << 20  # bytes of a job file
UTF8 = "expected text in UTF-8"
DEEP = "at most 64 tables and lists inside each other"
MANY = "at most 10000 keys and list items"


def _padded(size: int) -> bytes:
    return GOOD + b"#" * (size - len(GOOD) - 1) + b"\n"


def _nested(levels: int) -> str:
    return "[" * levels + '"a"' + "]" * levels


REFUSED: dict[str, tuple[bytes, str]] = {
    "little.toml": (RUN.encode("utf-16-le"), "found a NUL character"),
    "marked.toml": (RUN.encode("utf-16"), f"1:1: {UTF8}, found the byte 0xFF"),
    "big.toml": (b"\xfe\xff" + RUN.encode("utf-16-be"), f"1:1: {UTF8}, found the byte 0xFE"),
    "wide.toml": (RUN.encode("utf-32"), f"1:1: {UTF8}"),
    "latin.toml": (GOOD + 'tags = ["Träger"]'.encode("latin-1"), f"2:12: {UTF8}, found the byte"),
    "overlong.toml": (GOOD + b'tags = ["\xc0\xaf"]', f"2:10: {UTF8}, found the byte 0xC0"),
    "half a pair.toml": (GOOD + b'tags = ["\xed\xa0\x80"]', f"2:10: {UTF8}, found the byte 0xED"),
    "cut.toml": (GOOD + b'tags = ["\xf0\x9f\x98', f"2:10: {UTF8}, found the byte 0xF0"),
    "nul.toml": (GOOD + b"\0", "2:1: expected text, found a NUL character"),
    "nuls.toml": (b"\0" * LARGEST, "1:1: expected text, found a NUL character"),
    "mac.toml": (GOOD.replace(b"\n", b"\r") + b"x = 1", "1:"),
    "two marks.toml": (b"\xef\xbb\xbf" * 2 + GOOD, "1:1: expected a key"),
    "empty.toml": (b"", "run: expected this key, which is required"),
    "empty.json": (b"", "1:1: expected a value"),
    "empty.yaml": (b"", "run: expected this key, which is required"),
    "one too long.toml": (_padded(LARGEST + 1), f"is larger than {LARGEST} bytes"),
    "one too long.json": (b" " * (LARGEST + 1), f"is larger than {LARGEST} bytes"),
    "binary.toml": (bytes(range(256)) * 64, "expected text"),
    "elf.toml": (b"\x7fELF\x02\x01\x01" + b"\0" * 64, "expected text, found a NUL"),
    "gzip.toml": (b"\x1f\x8b\x08\x00", UTF8),
    "deep.toml": (f"{RUN}tags = {_nested(100_000)}".encode(), DEEP),
    "deep.json": (f'{{"tags": {_nested(100_000)}}}'.encode(), DEEP),
    "deep tables.json": (b'{"a": ' * 100_000, DEEP),
    "deep dots.toml": (b"a." * 100_000 + b"a = 1", DEEP),
    "deep inline.toml": (b"a = " + b"{a=" * 100_000, DEEP),
    "many.toml": (f"{RUN}tags = [{'1,' * 200_000}]".encode(), MANY),
    "many.json": (f'{{"tags": [{"1," * 200_000}1]}}'.encode(), MANY),
    "many tables.toml": (b"[[a]]\n" * 100_000, MANY),
    "digits.toml": (b"a = " + b"7" * 100_000, "expected a number, found thousands of digits"),
    "digits.json": (b'{"a": ' + b"7" * 100_000, "expected a number, found thousands of digits"),
    "hex.toml": (b"retry.attempts = 0x" + b"f" * 100_000, "retry.attempts: expected"),
    "large.json": (b'{"retry": {"attempts": 18446744073709551616}}', "of at most 64 bits"),
    "exponent.json": (b'{"retry": {"attempts": 1e999999999}}', "expected a finite number"),
    "nan.json": (b'{"retry": {"attempts": NaN}}', "expected a finite number"),
    "infinite.json": (b'{"retry": {"attempts": -Infinity}}', "expected a finite number"),
    "twice.json": (b'{"run": {}, "run": {}}', "1:13: run: expected each key to be written once"),
    "lone.json": (b'{"name": "\\ud800"}', "without half a surrogate pair"),
    "quote.toml": (b'a = "' + b"x" * 500_000, "closing quote"),
    "backslashes.toml": (b'a = "' + b"\\" * 500_001 + b'"', "1:"),
    "brackets.toml": (b"[" * 500_000, "1:"),
    "equals.toml": (b"=" * 500_000, "1:1: expected a key"),
    "quotes.toml": (b'"' * 500_000, "1:"),
    "long key.toml": (b"k" * 500_000 + b" = 1", "found another key"),
    "html.toml": (b"<!DOCTYPE html><html>", "1:1: expected a key"),
    "toml inside.json": (GOOD, "1:1: expected a value"),
    "json inside.toml": (b'{"run": {"command": ["true"]}}', "1:1: expected a key"),
}

ACCEPTED: dict[str, bytes] = {
    "exactly.toml": _padded(LARGEST),
    "marked as utf-8.toml": b"\xef\xbb\xbf" + GOOD,
    "marked as utf-8.json": b'\xef\xbb\xbf{"run": {"command": ["true"]}}',
    "carriage returns.toml": b'[run]\r\ncommand = ["true"]\r\n',
    "carriage returns.json": b'{\r\n"run": {"command": ["true"]}}\r\n',
    "no end of line.toml": GOOD.rstrip(),
    "planes.toml": GOOD + 'tags = ["\U0001f600", "\ufeff", "\u202e", "\ufffe"]\n'.encode(),
    "long argument.toml": b'run.command = ["true", "' + b"x" * 900_000 + b'"]\n',
    "many arguments.json": json.dumps({"run": {"command": ["true"] * 9000}}).encode(),
    "deadline.toml": GOOD + b"limits.deadline = 2999-12-31T23:59:59-12:00\n",
}


def cases(_: Random) -> list[Case]:
    """Return each text."""
    found = [Case(name.encode(), text, "rejected", says) for name, (text, says) in REFUSED.items()]
    found += [Case(name.encode(), text, "accepted") for name, text in ACCEPTED.items()]
    return found
