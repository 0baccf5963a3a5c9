"""Names of files over there, as parts of the path of a call."""

from urllib.parse import quote

from orchestrator.backend import RejectedError
from orchestrator.log import shorten


def as_path(name: str) -> str:
    """Return a foreign name, with "/" between folder and file, as it is written in a path.

    Raises RejectedError for a name that would lead elsewhere, or is no text in UTF-8.
    """
    parts = name.split("/")
    if {"", ".", ".."} & set(parts):
        raise RejectedError(f"{shorten(name, 120)}: not the name of a file", effect="none")
    try:
        return "/".join(quote(part, safe="") for part in parts)
    except UnicodeEncodeError:
        raise RejectedError(f"{shorten(name, 120)}: no text in UTF-8", effect="none") from None
