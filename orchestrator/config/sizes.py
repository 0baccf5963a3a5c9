"""Amounts of bytes as people write them."""

import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_UNITS = {"": 1, "b": 1} | {
    f"{letter}{ending}": base**power
    for power, letter in enumerate("kmgt", start=1)
    for ending, base in (("b", 1000), ("ib", 1024))
}
_SIZE = re.compile(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*([a-z]*)\s*", re.ASCII | re.IGNORECASE)
LARGEST = 2**60  # an exbibyte: no disk is larger, and every sum of sizes fits in 64 bits

_FORM = 'expected a size such as "500 MB" or "20 GiB"'


def parse_size(value: object) -> int:
    """Return the bytes that a number or a text such as "20 GiB" means; MB is 1000², MiB 1024².

    Raises ValueError, with a text that says what was expected, for anything else.
    """
    match value:
        case bool():
            raise ValueError(_FORM)
        case int():
            size = value
        case str() if (found := _SIZE.fullmatch(value)) and found[2].lower() in _UNITS:
            size = int(float(found[1]) * _UNITS[found[2].lower()])
        case _:
            raise ValueError(_FORM)
    if not 0 <= size <= LARGEST:
        raise ValueError("expected a size from 0 to an exbibyte")
    return size


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgGtT]?[iI]?[bB])?\s*$"},
            ],
            "examples": ["500 MB", "1 GiB", 1048576],
        }
    ),
]
"""A number of bytes, or text such as "20 MB", "1 GiB"."""
