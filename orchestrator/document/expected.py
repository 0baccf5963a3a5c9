"""What pydantic expected, in the words of people who write job files."""

from collections.abc import Mapping
from typing import Any

from orchestrator.document.words import either, quoted

_TEXT, _WHOLE, _NUMBER, _BOOLEAN = "text", "a whole number", "a number", "true or false"
_REQUIRED = "this key, which is required"
_LIST, _TABLE = "a list", "a table"
_WORDS = {
    "missing": _REQUIRED,
    "union_tag_not_found": _REQUIRED,
    "string_type": _TEXT,
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "finite_number": "a finite number",
    "bool_type": _BOOLEAN,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
}


def expectation(error: Mapping[str, Any]) -> str:
    """Return words that follow "expected" for one entry of `ValidationError.errors()`.

    A validator's own words are taken as they are; they should begin with "expected ".
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return wanted(context["error"])
    if kind in {"literal_error", "union_tag_invalid"}:
        return _literals(context.get("expected") or context["expected_tags"])
    if context.get("min_length") == 1:
        return "text that is not empty" if kind == "string_too_short" else "at least one entry"
    if kind in _WORDS:
        return _WORDS[kind].format_map({key: _plain(value) for key, value in context.items()})
    return wanted(error["msg"])


def wanted(message: object) -> str:
    """Return words that follow "expected" for the message of an error."""
    text = str(message)
    for start in ("expected ", "must be ", "Input should be "):
        if text.startswith(start):
            return text.removeprefix(start)
    return f"something else ({text})"


def _literals(text: str) -> str:
    """Return pydantic's `'failed' or 'timed_out'` in the quotes of the formats."""
    words = text.replace(" or ", ", ").split(", ")
    return either([quoted(it[1:-1]) if it.startswith("'") else it.lower() for it in words])


def _plain(limit: object) -> object:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
