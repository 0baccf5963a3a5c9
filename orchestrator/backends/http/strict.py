"""JSON from elsewhere: as the standard says, and nothing that Python adds to it."""

import json
import math

from pydantic import JsonValue

LONGEST_NUMBER = 400  # digits; the largest float has 309


def read_json(body: bytes) -> JsonValue:
    """Return the tree of a JSON text in UTF-8.

    Raises ValueError, in words that show nothing of the body, for everything that is no JSON, and
    for what is too deep, too long or too odd to be stored.
    """
    if not body.strip():
        raise ValueError("it is empty")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from None
    try:
        tree: JsonValue = json.loads(
            text, parse_constant=_no_number, parse_float=_float, parse_int=_int
        )
        if "\\u" in text:
            json.dumps(tree, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos}") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return tree


def _no_number(word: str) -> JsonValue:
    raise ValueError(f"{word} is no number in JSON")


def _int(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number
