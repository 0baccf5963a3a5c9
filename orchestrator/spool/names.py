"""Names in the spool: what is skipped, what our own producer says in one, how one is shown."""

import re

from orchestrator.core.ids import ALPHABET, ID_LENGTH
from orchestrator.document import READERS, printable

SPEC_NAMES = tuple(f"job{suffix}" for suffix in READERS)
REQUEST_SUFFIX = ".request.json"

# What editors, browsers and copying tools call a file that is not finished.
_UNFINISHED = (
    b".tmp", b".temp", b".part", b".partial", b".filepart", b".crdownload", b".download",
    b".swp", b".swx", b".swo", b".lock", b"~",
)  # fmt: skip

_PRODUCED = re.compile(
    rf"(?P<stem>.+)\.orch-(?P<id>[{ALPHABET}]{{{ID_LENGTH}}})(?P<suffix>(?:\.[^/]+)?)", re.DOTALL
)


def is_skipped(name: bytes) -> bool:
    """Whether a name in the spool is none of our business, for now or for ever.

    That is every hidden name (`.anything`: rsync and our own producer write there first), Emacs'
    `#name#`, and whatever ends in .tmp, .temp, .part, .partial, .filepart, .crdownload, .download,
    .swp, .swx, .swo, .lock or ~.
    """
    return name.startswith((b".", b"#")) or name.lower().endswith(_UNFINISHED)


def shown(name: bytes) -> str:
    """Return a name as text that is safe to print: one line, no control or bidirectional codes."""
    return printable(name.decode("utf-8", "backslashreplace"))


def plain(name: bytes) -> str | None:
    """Return the name as text when it is UTF-8 and wholly printable, else None."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def produced_name(stem: str, ident: str, suffix: str) -> str:
    """Return the name under which our own producer drops something, so that it keeps its id."""
    safe = "".join(c if c.isprintable() and c not in "/\\" else "-" for c in stem).lstrip(".#")
    short = safe.encode("utf-8", "replace")[:100].decode("utf-8", "ignore")
    return f"{short or 'job'}.orch-{ident}{suffix}"


def asked_id(name: bytes) -> str | None:
    """Return the id that our own producer put into a name, or None."""
    text = plain(name)
    produced = _PRODUCED.fullmatch(text) if text is not None else None
    return produced["id"] if produced else None


def known_as(drop: str) -> str:
    """Return the name by which people know a drop: without the id our producer put in."""
    produced = _PRODUCED.fullmatch(drop)
    return produced["stem"] + produced["suffix"] if produced else drop


def is_request(name: bytes) -> bool:
    """Whether a name is that of a request file rather than a job."""
    return name.endswith(REQUEST_SUFFIX.encode())
