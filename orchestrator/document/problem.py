"""What is wrong with a text that a person wrote, and where."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.document.words import printable


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend.

    `line` and `column` count from 1, in characters. `key` is the key as people write it, "" where
    no key is meant. `expected` and `found` complete the sentence "expected …, found …".
    """

    file: str
    line: int
    column: int
    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return printable(
            f"{self.file}:{self.line}:{self.column}:"
            f" {key}expected {self.expected}, found {self.found}"
        )


class ProblemsError(Exception):
    """A text cannot be taken; carries everything that is wrong with it, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(
            sorted(set(problems), key=lambda it: (it.file, it.line, it.column, it.key, it.expected))
        )
        super().__init__("\n".join(map(str, self.problems)))


@contextmanager
def collected(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of a ProblemsError that is raised inside to a list, and go on behind it."""
    try:
        yield
    except ProblemsError as error:
        problems += error.problems
