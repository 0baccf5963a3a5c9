"""Names that are ours: job ids, run ids, and the key a backend is asked to carry."""

import re

# Crockford's alphabet: no letter that is taken for a digit, none that spells words.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH = (
    12  # 60 bits: a million jobs collide with a chance of 1 in 2 million, and SQL refuses it
)
HOME_LENGTH = 8

_ID = re.compile(f"[{ALPHABET}]{{{ID_LENGTH}}}")


def id_from_bits(bits: int, length: int = ID_LENGTH) -> str:
    """Return the id that `5 * length` random bits spell."""
    return "".join(ALPHABET[(bits >> shift) & 31] for shift in range(0, 5 * length, 5))


_REMOTE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=~-]{0,199}", re.ASCII)
REMOTE_ID_FORM = (
    "expected 1 to 200 letters, digits and . _ : / @ + = ~ -, the first a letter or digit"
)


def is_remote_id(text: str) -> bool:
    """Whether a text that a person gives may be a backend's name for a run."""
    return _REMOTE_ID.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Whether the text is a whole id of a job, run or request."""
    return _ID.fullmatch(text) is not None


def key_of(home: str, run: str) -> str:
    """Return the name that one run bears everywhere outside this machine's database."""
    return f"orch-{home}-{run}"
