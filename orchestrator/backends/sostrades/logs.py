"""What a study's log tells: which execution it is of, when it last moved, why it failed. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from orchestrator.backend import ProtocolError
from orchestrator.log import shorten

_FILE = re.compile(r"sc(\d{1,18})-sce(\d{1,18})-execution\.log", re.ASCII)
_NAME = re.compile(rf"filename=\"?{_FILE.pattern}\"?", re.ASCII)
_NO_FILE = re.compile(r"-sceNone-|No such file or directory")
_LINE = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] ")
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r"^(\s|$|[\s~^]+$)")
_AFTERWARDS = ("The above exception was the direct cause", "During handling of the above exception")
_OF_THE_RUN = "execution_engine_thread:"
_BESIDE_IT = "ontology_controller:"  # a server that describes words; no calculation needs it
WORDS = 600  # characters of a cause that are told


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a study's last execution: its number, size (bytes), and version.

    `still_for` is for how long (seconds, by the service's own clock) it has not been written to,
    None where that is not told. `written` is False before the first byte: where calculations have
    machines of their own, the log comes with them, which may take minutes, or never be.
    """

    study: int
    execution: int
    size: int
    still_for: float | None
    written: bool = True


def log_of(headers: Mapping[str, str], source: str) -> Log:
    """Return what a reply's headers tell of the log. Raises ProtocolError when they do not."""
    found = _NAME.search(headers.get("content-disposition", ""))
    if found is None:
        raise ProtocolError(f"{source}: nothing tells which execution it is of", effect="none")
    length = headers.get("content-length", "")
    dates = (headers.get("date", ""), headers.get("last-modified", ""))
    return Log(
        study=int(found[1]),
        execution=int(found[2]),
        size=int(length) if length.isascii() and length.isdecimal() else 0,
        still_for=_between(*dates),
    )


def is_missing(words: str) -> bool:
    """Whether the refusal of a log says that there is none."""
    return _NO_FILE.search(words) is not None


def unwritten(words: str) -> Log | None:
    """Return the log that is not written, by the refusal of it; None where the study never ran."""
    found = _FILE.search(words)
    return None if found is None else Log(int(found[1]), int(found[2]), 0, None, written=False)


def cause(log: str) -> str | None:
    """Return in words why a calculation failed, None where its log does not tell.

    The last traceback is not always it: what describes words for people may fail beside it, and
    say more. So that of the calculation itself counts, else the last of anything else.
    """
    entries = _entries(log)
    failures = [one for one in entries if _TRACEBACK in one and _BESIDE_IT not in _first(one)]
    own = [one for one in failures if _OF_THE_RUN in _first(one)]
    if not failures:
        return None
    return shorten(_said(own[-1] if own else failures[-1]), WORDS)


def _entries(log: str) -> list[str]:
    """Return the entries of a log, each with the lines that belong to it."""
    entries: list[list[str]] = []
    for line in log.splitlines():
        if _LINE.match(line) or not entries:
            entries.append([line])
        else:
            entries[-1].append(line)
    return ["\n".join(one) for one in entries]


def _first(entry: str) -> str:
    return entry.partition("\n")[0]


def _said(entry: str) -> str:
    """Return what the last exception of a traceback says, without the way to it."""
    told = entry.rpartition(_TRACEBACK)[2].splitlines()
    said: list[str] = []
    for line in told:
        if line.startswith(_AFTERWARDS):
            break
        if said or (line and _FRAME.match(line) is None):
            said.append(line.strip())
    return " ".join(one for one in said if one)


def _between(now: str, before: str) -> float | None:
    """Return the seconds between two dates. The service gives its own twice: "…GMT, …GMT"."""
    try:
        later, earlier = (
            parsedate_to_datetime(f"{text.partition(' GMT')[0]} GMT") for text in (now, before)
        )
        return max((later - earlier).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
