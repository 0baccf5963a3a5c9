"""The last stage before a line leaves the process: nothing secret passes."""

import base64
import re
import string
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

MASK = "***"
SHORTEST = 4  # characters; masking anything shorter would eat ordinary text
# A URL goes on through characters that JSON or `escape` had to spell out, and ends at white space,
# a double quote or an angle bracket, spelt out or not.
_SPELT = r"\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|\\)"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
_QUERY = re.compile(rf'({_SCHEME}(?:[^\s?#"<>\\]|{_SPELT})*)[?#](?:[^\s"<>\\]|{_SPELT})+')
_USER = re.compile(rf'({_SCHEME})(?:[^\s/?#"<>\\]|{_SPELT})+@')

_NEVER_SPELT = frozenset(string.ascii_letters + string.digits + "-_.~")
_SHORT = {" ": r"\+", "\n": r"\\+n", "\r": r"\\+r", "\t": r"\\+t", "\b": r"\\+b", "\f": r"\\+f"}


def strip_urls(line: str) -> str:
    """Return the line with the query, fragment and user of every URL taken out."""
    if "://" not in line:
        return line
    return _USER.sub(rf"\1{MASK}@", _QUERY.sub(rf"\1?{MASK}", line))


def masker(secrets: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """Return a function that masks every known secret in a line, in every form it may take.

    `secrets` is asked for each line, since secrets come and go; the pattern is kept while they
    stay the same. Secrets shorter than four characters cannot be masked.
    """
    known: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None

    def mask(line: str) -> str:
        nonlocal known, pattern
        if (now := frozenset(secrets())) != known:
            known, pattern = now, _pattern(now)
        return pattern.sub(MASK, line) if pattern else line

    return mask


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    known = sorted(secret for secret in secrets if len(secret) >= SHORTEST)
    forms = {form for secret in known for form in (secret, *_base64(secret))}
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(_any_spelling, longest_first))) if forms else None


def _any_spelling(text: str) -> str:
    """Return a pattern for a text however it is spelt: JSON in JSON, quoted for a URL, escaped."""
    runs = ((character, len(list(run))) for character, run in groupby(text))
    return "".join(
        rf"(?:\\{{{length},}}|(?i:%5c){{{length}}})"
        if character == "\\"
        else _spellings(character) * length
        for character, length in runs
    )


def _spellings(character: str) -> str:
    """Return a pattern for one character; each layer of escaping doubles the backslashes."""
    if character in _NEVER_SPELT:
        return re.escape(character)
    utf8 = character.encode(errors="surrogatepass")
    utf16 = character.encode("utf-16-be", errors="surrogatepass")
    forms = [
        r"\\*" + re.escape(character),
        "(?i:" + "".join(f"%{byte:02x}" for byte in utf8) + ")",
        "".join(rf"\\+x{byte:02x}" for byte in utf8),
        "".join(rf"\\+u{utf16[i : i + 2].hex()}" for i in range(0, len(utf16), 2)),
        rf"\\+x{ord(character):02x}|\\+U{ord(character):08x}",
    ]
    if short := _SHORT.get(character):
        forms.append(short)
    return f"(?:{'|'.join(forms)})"


def _base64(secret: str) -> Iterator[str]:
    """Yield what of the secret shows in base64, wherever it begins among the three-byte groups."""
    raw = secret.encode(errors="surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        first = -(-before * 8 // 6)  # characters that also carry bits of what stands before
        last = (before + len(raw)) * 8 // 6  # characters before the one shared with what follows
        form = encoded[first:last].decode()
        yield form
        yield form.replace("+", "-").replace("/", "_")
