"""The cases of JSONTestSuite, as whole job files and inside the fields of good ones.

What must become of each is told by the standard library's reader, made as strict as ours is said to
be, and by the rule of the field.
"""

import json
from random import Random
from typing import Any

from tests.input.case import Case, Verdict
from tests.input.group import others

KEYS = {"name", "backend", "run", "inputs", "outputs", "limits", "retry", "tags"}


def cases(_: Random) -> list[Case]:
    """Return each text alone, as a value, and as text."""
    found = []
    for number, (name, text) in enumerate(others("json_test_suite")["cases"]):
        whole = text if isinstance(text, str) else text[0] * text[1] + text[2]
        found += [
            _alone(f"{number:03}-alone.json", name, whole),
            _as_a_value(f"{number:03}-tags.json", whole),
            *_as_text(number, whole),
        ]
        if "\ufffd" in whole:  # the suite has bytes there that are no UTF-8
            data = whole.encode().replace("\ufffd".encode(), b"\xe9")
            found.append(Case(b"%03d-bytes.json" % number, data, "rejected", "text in UTF-8"))
    return found


def _alone(file: str, name: str, text: str) -> Case:
    """A valid text that is no job is told what is missing; any other, where it is broken."""
    says = f"{file}:"
    try:
        tree = _strict(text)
    except (ValueError, RecursionError):
        assert not name.startswith("y_") or "duplicated" in name, name
    else:
        assert not name.startswith("n_"), name
        if _is_deep(tree):
            says = "at most 64 tables and lists inside each other"
        elif not isinstance(tree, dict):
            says = 'expected a table in "{" and "}"'
        elif _fits(tree):
            says = "run: expected this key, which is required"
    return Case(file.encode(), text.encode(), "rejected", says)


def _as_a_value(file: str, text: str) -> Case:
    """Inside `tags`, which takes a list of short texts and nothing else."""
    whole = f'{{"run": {{"command": ["true"]}}, "tags": {text}}}'
    verdict: Verdict = "rejected"
    tags: Any = None
    try:
        tags = _strict(whole)["tags"]
    except (ValueError, RecursionError):
        pass
    else:
        good = isinstance(tags, list) and all(
            isinstance(it, str) and 1 <= len(it) <= 64 and _fits(it) for it in tags
        )
        verdict = "accepted" if good else "rejected"
    keeps = (("tags",), tags) if verdict == "accepted" else None
    return Case(file.encode(), whole.encode(), verdict, keeps=keeps)


def _as_text(number: int, text: str) -> list[Case]:
    """As the text of an argument, escaped and plain."""
    cases = []
    for ascii_only in (True, False):
        spec = {"run": {"command": ["true", text]}}
        data = json.dumps(spec, ensure_ascii=ascii_only).encode()
        cases.append(
            Case(
                f"{number:03}-{'escaped' if ascii_only else 'plain'}.json".encode(),
                data,
                "accepted" if _fits(text) else "rejected",
                keeps=(("run", "command", 1), text) if _fits(text) else None,
            )
        )
    return cases


def _strict(text: str) -> Any:
    """Read JSON as RFC 8259 has it, with each key once and no number beyond all bounds."""
    text = text.removeprefix("\ufeff")
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _refuse(word: str) -> None:
    raise ValueError(word)


def _fits(value: Any) -> bool:
    """Whether a value can be kept: no NUL, no half of a pair."""
    match value:
        case dict():
            return all(_fits(key) and _fits(it) for key, it in value.items())
        case list():
            return all(map(_fits, value))
        case str():
            return not any(it == "\0" or "\ud800" <= it <= "\udfff" for it in value)
        case _:
            return True


def _is_deep(value: Any) -> bool:
    """Whether lists lie deeper inside each other than any job needs."""
    for _ in range(65):
        if not isinstance(value, list) or not value:
            return False
        value = value[0]
    return True
