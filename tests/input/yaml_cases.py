"""What YAML can do to whoever reads it: bombs, tags, anchors, merges, misleading words."""

from random import Random

from tests.input.case import Case

RUN = "run: {command: ['true']}\n"
ANCHOR = "expected the value itself"
TAG = "expected a value without a tag"
DEEP = "at most 64 tables and lists inside each other"
MANY = "at most 10000 keys and list items"


def _laughs(levels: int, each: int) -> str:
    """Each level is a list of the one above it, so that nine lines mean thousands of millions."""
    lines = ["a0: &a0 [lol]"]
    for level in range(1, levels):
        inside = ", ".join([f"*a{level - 1}"] * each)
        lines.append(f"a{level}: &a{level} [{inside}]")
    return RUN + "\n".join(lines) + "\n"


REFUSED = {
    "a billion laughs": (_laughs(9, 9), ANCHOR),
    "laughs in a table": ("a: &a {x: y}\nb: &b {p: *a, q: *a}\n" + RUN, ANCHOR),
    "an alias to itself": (RUN + "tags: &t [*t]\n", ANCHOR),
    "an anchor of a mebibyte": (RUN + "tags: [&" + "a" * (1 << 19) + " x]\n", ANCHOR),
    "a pattern without quotes": (RUN + "outputs: {include: [*.dat]}\n", ANCHOR),
    "merges": ("d: &d {a: b}\n" + RUN + "env: {<<: [*d, *d, *d]}\n", ANCHOR),
    "a merge by itself": (RUN + "limits:\n  <<: {time: 1h}\n", "found a merge key"),
    "thousands of merges": ("run:\n" + "  <<: {a: b}\n" * 5000, "found a merge key"),
    "a Python object": (RUN + "tags: !!python/object/apply:os.system ['touch x']\n", TAG),
    "a Python name": (RUN + "name: !!python/name:os.system\n", TAG),
    "binary": (RUN + "name: !!binary aGk=\n", TAG),
    "a set": (RUN + "tags: !!set {a, b}\n", TAG),
    "a tag of one's own": ("%TAG ! tag:example.com,2000:\n---\n" + RUN + "name: !x y\n", TAG),
    "deep lists": (RUN + "tags: " + "[" * 5000 + "\n", DEEP),
    "deep tables": ("{a: " * 5000, DEEP),
    "deep blocks": (RUN + "tags:\n" + "- " * 5000, DEEP),
    "deep keys": ("? " * 5000, ""),
    "many items": (RUN + "tags: [" + "a," * 200_000 + "]\n", MANY),
    "many keys": ("".join(f"k{n}: v\n" for n in range(50_000)), MANY),
    "many documents": ((RUN + "---\n") * 1000, "found a second one"),
    "many comments": ("# x\n" * 200_000, "run: expected this key"),
    "a long directive": ("%YAML " + "1" * 6000 + ".2\n---\n" + RUN, ""),
    "a long plain text": (RUN + "name: " + "a b " * 100_000 + "\n", "expected a name"),
    "a long number": (RUN + "retry: {attempts: " + "7" * 100_000 + "}\n", "thousands of digits"),
    "a long float": (RUN + "limits: {time: 1e" + "9" * 5000 + "}\n", "a finite number"),
    "base sixty": (RUN + "retry: {attempts: 1:30}\n", 'found "1:30"'),
    "no is a word": (RUN + "retry: {attempts: no}\n", 'found "no"'),
    "octal as of old": (RUN + "retry: {attempts: 0777}\n", "at most 100, found the number 777"),
    "a NUL escaped": (RUN + 'name: "a\\0b"\n', "without NUL"),
    "half a pair": (RUN + 'name: "\\ud800"\n', "half a surrogate pair"),
    "beyond Unicode": (RUN + 'name: "\\UFFFFFFFF"\n', "a character of Unicode"),
    "a tab": ("run:\n\tcommand: [x]\n", "2:1"),
    "an empty key": (RUN + "? \n: x\n", "a key that is text"),
    "a list as key": (RUN + "? [a, b]\n: x\n", "a key that is text"),
    "nothing but a marker": ("---\n", "run: expected this key"),
    "nothing but an end": ("...\n", ""),
    "an end, and more": (RUN + "...\nx: y\n", ""),
    "a stray bracket": (RUN + "]\n", "2:1"),
    "unclosed": (RUN + 'name: "x\n', ""),
    "line separators": (RUN + "na\u2028me: x\n", ""),
}

ACCEPTED = {
    "flow": RUN,
    "block": "run:\n  command:\n  - 'true'\n",
    "JSON": '{"run": {"command": ["true"]}}',
    "a document with its ends": "---\n" + RUN + "...\n",
    "a version": "%YAML 1.2\n---\n" + RUN,
    "a block of text": "run:\n  script: |\n    #!/bin/sh\n    true\n",
    "comments": "# one\n" + RUN + "# two\n",
    "carriage returns": RUN.replace("\n", "\r\n"),
    "a mark of byte order": "\ufeff" + RUN,
}


def cases(_: Random) -> list[Case]:
    """Return each text."""
    refused = [
        Case(f"{about}.yaml".encode(), text.encode(), "rejected", says)
        for about, (text, says) in REFUSED.items()
    ]
    accepted = [
        Case(f"{about}.yml".encode(), text.encode(), "accepted") for about, text in ACCEPTED.items()
    ]
    return refused + accepted
