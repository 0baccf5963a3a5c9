"""Every error of pydantic becomes words for people, at the right place."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, StrictInt, field_validator
from pydantic_core import PydanticCustomError

from orchestrator.core.spec import Table
from orchestrator.document import ProblemsError, check, parse


class Box(Table):
    """A table inside."""

    side: float = Field(default=1, gt=0, lt=10)
    named: dict[str, "Box"] = Field(default_factory=dict)


class Ball(Table):
    """Another one."""

    kind: Literal["ball"]
    radius: float


class Cube(Table):
    """And another one."""

    kind: Literal["cube"]
    edge: int = Field(multiple_of=2)


class Model(Table):
    """One field for each kind of error."""

    whole: int = 0
    flag: bool = False
    pair: tuple[int, int] = (0, 0)
    some: list[int] = Field(default=[1], min_length=1, max_length=2)
    word: str = Field(default="ab", min_length=2, pattern="^[a-z]+$")
    level: Literal["low", "high", 1] = "low"
    box: Box = Box()
    boxes: list[Box] = Field(default_factory=list)
    either: int | list[int] | Box | None = None
    solid: Annotated[Ball | Cube, Field(discriminator="kind")] | None = None
    renamed: StrictInt = Field(default=0, alias="re-named")
    odd: int = 1
    even: int = 2
    small: int = 1

    @field_validator("odd")
    @classmethod
    def _is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("expected an odd number")
        return value

    @field_validator("even", "small")
    @classmethod
    def _in_other_words(cls, value: int) -> int:
        if value == 3:
            raise PydanticCustomError("parity", "must be an even number")
        if value > 5:
            raise PydanticCustomError("size", "too large for us")
        return value


KEYS = (
    '"whole", "flag", "pair", "some", "word", "level", "box", "boxes", "either", "solid",'
    ' "re-named", "odd", … (did you mean "re-named"?)'
)


def complaints(text: str) -> list[str]:
    """Return what is wrong with a text, without the file's name."""
    with pytest.raises(ProblemsError) as caught:
        check(Model, parse(text.encode(), "j.toml"))
    return [str(it).removeprefix("j.toml:") for it in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("whole = '5'", '1:1: whole: expected a whole number, found "5"'),
        ("flag = 1", "1:1: flag: expected true or false, found the number 1"),
        ("pair = [1]", "1:1: pair[1]: expected this key, which is required, found nothing"),
        ("some = []", "1:1: some: expected at least one entry, found an empty list"),
        ("some = [1, 2, 3]", "1:1: some: expected at most 2 entries, found a list"),
        ("word = 'a'", '1:1: word: expected text of at least 2 characters, found "a"'),
        ("word = 'AB'", '1:1: word: expected text that matches ^[a-z]+$, found "AB"'),
        ("level = 'mid'", '1:1: level: expected "low", "high" or 1, found "mid"'),
        ("box.side = 0", "1:5: box.side: expected a number greater than 0, found the number 0"),
        ("box.side = 10", "1:5: box.side: expected a number less than 10, found the number 10"),
        ("box = { named = { a = { b = 1 } } }",
         '1:25: box.named.a.b: expected one of the keys "side" or "named", found another key'),
        ("[[boxes]]\n[[boxes]]\nside = true",
         "3:1: boxes[1].side: expected a number, found true"),
        ("either = 'a'",
         '1:1: either: expected a whole number, a list or a table, found "a"'),
        ("either = [1, 'a']", '1:14: either[1]: expected a whole number, found "a"'),
        ("either = { side = 'a' }", '1:12: either.side: expected a number, found "a"'),
        ("solid = { kind = 'ball' }",
         "1:1: solid.radius: expected this key, which is required, found nothing"),
        ("solid = { kind = 'cube', edge = 3 }",
         "1:26: solid.edge: expected a multiple of 2, found the number 3"),
        ("renamed = 5", f"1:1: renamed: expected one of the keys {KEYS}, found another key"),
        ("re-named = 'a'", '1:1: re-named: expected a whole number, found "a"'),
        ("even = 3", "1:1: even: expected an even number, found the number 3"),
        ("small = 9", "1:1: small: expected something else (too large for us), found the number 9"),
        ("odd = 2", "1:1: odd: expected an odd number, found the number 2"),
    ],
)  # fmt: skip
def test_what_pydantic_says_in_plain_words(text: str, says: str) -> None:
    """A person would read a programmer's words, or be sent to the wrong line."""
    assert complaints(text) == [says]


def test_an_unknown_kind_of_table() -> None:
    """A person would not learn which kinds there are."""
    (line,) = complaints("solid = { kind = 'cone' }")
    assert line == '1:11: solid.kind: expected "ball" or "cube", found "cone"'
    (line,) = complaints("solid = { radius = 1 }")
    assert line == "1:1: solid.kind: expected this key, which is required, found nothing"


def test_errors_that_have_no_words_yet_are_still_told() -> None:
    """A model with an unusual type would end in a traceback."""

    class Unusual(BaseModel):
        colour: Annotated[str, Field(pattern="^#")] = "#"
        raw: bytes = Field(default=b"", max_length=1)

    with pytest.raises(ProblemsError, match=r'1:1: raw: expected \w.*, found "abc"'):
        check(Unusual, parse(b"raw = 'abc'", "j.toml"))


def test_a_table_inside_is_checked_at_its_place() -> None:
    """What is wrong in a part would be placed at the top of the file."""
    document = parse(b"a = 1\n[deep.down]\nside = 11\n", "j.toml")
    with pytest.raises(
        ProblemsError, match=r"^j\.toml:3:1: deep\.down\.side: expected a number less"
    ):
        check(Box, document, ("deep", "down"))
    assert check(Box, document, ("deep", "down"), tree={"side": 2}) == Box(side=2)
    with pytest.raises(
        ProblemsError, match=r"^j\.toml:2:7: deep\.down\.sid: expected one of the keys"
    ):
        check(Box, document, ("deep", "down"), tree={"sid": 2})


def test_values_keep_their_types() -> None:
    """A typing mistake would be taken for what was meant: "5" for 5, 1 for true."""
    document = parse(b"whole = 5\nflag = true\npair = [1, 2]\nbox.side = 2\n", "j.toml")
    model = check(Model, document)
    assert (model.whole, model.flag, model.pair, model.box.side) == (5, True, (1, 2), 2.0)
    assert len(complaints("whole = 5.0\nflag = 'yes'\npair = ['1', 2]\nbox.side = '2'")) == 4
