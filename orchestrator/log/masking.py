"""The last stage before a line leaves the process: nothing secret passes."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

from orchestrator.log.escape import escape

MASK = "***"
SHORTEST = 4  # characters; masking anything shorter would eat ordinary text
# A URL goes on through characters that JSON or `escape` had to spell out, and ends at white space,
# a double quote or an angle bracket, spelt out or not.
_SPELT = r"\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|\\)"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
_QUERY = re.compile(rf'({_SCHEME}(?:[^\s?#"<>\\]|{_SPELT})*)[?#](?:[^\s"<>\\]|{_SPELT})+')
_USER = re.compile(rf'({_SCHEME})(?:[^\s/?#"<>\\]|{_SPELT})+@')


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
    forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, longest_first))) if forms else None


def _forms(secret: str) -> Iterator[str]:
    for form in {secret, *_quoted(secret), *_base64(secret)}:
        for printed in (form, escape(form)):
            yield printed
            for ascii_only in (True, False):
                once = json.dumps(printed, ensure_ascii=ascii_only)[1:-1]
                yield once
                yield json.dumps(once)[1:-1]  # JSON text inside a JSON line


def _quoted(secret: str) -> Iterator[str]:
    for text in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield text
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


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
