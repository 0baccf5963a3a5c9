"""Patterns that choose files: what `*`, `?`, `[abc]` and `**` mean in a job spec.

A pattern is relative to the run's directory, and `*` stays within one name, as in a shell:

    *.dat          any file whose own name matches, in whatever folder
    plots/*.png    files right in plots
    plots/**       everything below plots
    **/log/*.txt   files in any folder called log
    */**           everything that is not right in the run's directory
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from orchestrator.core.spec import Outputs

_Part = TypeVar("_Part")
_Item = TypeVar("_Item")

_NameTest = Callable[[str], bool]
Pattern = tuple[_NameTest | None, ...]
"""A parsed pattern: a test for each name on the way; None stands for any number of names."""


def parse_pattern(text: str) -> Pattern:
    """Return the pattern that a text means; raise ValueError, with words for people, if none."""
    if not text.strip("/"):
        raise ValueError("a pattern names files, such as *.dat or plots/**")
    names = text.split("/")
    for name in names:
        if name in {"", ".", ".."}:
            raise ValueError(
                f"{text!r}: a pattern cannot hold './', '../' or a '/' that parts nothing"
            )
    if "/" not in text:
        names.insert(0, "**")
    if names[-1] == "**":
        names.append("*")  # everything below a folder, but not the folder
    return tuple(None if name == "**" else _name_test(name) for name in names)


def matches(pattern: Pattern, path: str) -> bool:
    """Whether a path, relative to the run's directory and with `/` between names, is meant."""
    return _wild(pattern, path.split("/"), lambda test, name: test(name))


def selecting(wanted: Outputs, inputs: Collection[str] = ()) -> Callable[[str], bool]:
    """Return the test whether a file of a run is one of its outputs.

    Without `include` that is every file that was not one of the `inputs`. Raises ValueError for a
    pattern that is none.
    """
    include = None if wanted.include is None else any_of(wanted.include)
    exclude = any_of(wanted.exclude)

    def chosen(path: str) -> bool:
        if exclude(path):
            return False
        return path not in inputs if include is None else include(path)

    return chosen


def any_of(texts: Iterable[str]) -> Callable[[str], bool]:
    """Return the test whether a path is meant by any of the patterns; ValueError if one is none."""
    patterns = [*map(parse_pattern, texts)]
    return lambda path: any(matches(pattern, path) for pattern in patterns)


def _name_test(text: str) -> _NameTest:
    """Return the test for one name; `[` that is never closed means itself."""
    parts: list[_NameTest | None] = []
    at = 0
    while at < len(text):
        character = text[at]
        close = text.find("]", at + 3 if text[at + 1 : at + 2] == "!" else at + 2)
        if character == "[" and close != -1:
            parts.append(_one_of(text[at + 1 : close]))
            at = close
        elif character == "*":
            parts.append(None)
        elif character == "?":
            parts.append(lambda _: True)
        else:
            parts.append(character.__eq__)
        at += 1
    return lambda name: _wild(parts, name, lambda test, letter: test(letter))


def _one_of(text: str) -> _NameTest:
    """Return the test for the inside of [a-z0-9] or [!a-z0-9]."""
    negated = text.startswith("!")
    letters = text.removeprefix("!")
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(letters):
        last = at + 2 if letters[at + 1 : at + 2] == "-" and at + 2 < len(letters) else at
        ranges.append((letters[at], letters[last]))
        at = last + 1
    return lambda letter: any(low <= letter <= high for low, high in ranges) is not negated


def _wild(
    parts: Sequence[_Part | None], items: Sequence[_Item], fits: Callable[[_Part, _Item], bool]
) -> bool:
    """Whether the parts fit all items in order, where None fits any number of items.

    Only the last None is ever tried again, so that no pattern takes long.
    """
    part = item = 0
    retry: tuple[int, int] | None = None  # the part after the last None, the item it was tried at
    while item < len(items):
        wanted = parts[part] if part < len(parts) else None
        if part < len(parts) and wanted is None:
            part += 1
            retry = part, item
        elif wanted is not None and fits(wanted, items[item]):
            part += 1
            item += 1
        elif retry is not None:
            part, item = retry = retry[0], retry[1] + 1
        else:
            return False
    return all(rest is None for rest in parts[part:])
