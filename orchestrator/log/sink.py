"""The end of every log line: rendered, masked, written; whatever happens, nothing is raised."""

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

from structlog.processors import format_exc_info

from orchestrator.log.escape import escape
from orchestrator.log.growing import GrowingFile
from orchestrator.log.masking import strip_urls

_FIRST = ("timestamp", "level", "event")
_NOT_SHOWN = {*_FIRST, "logger", "exc_info", "stack_info"}
_PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
_VALUE = 300  # characters of one value on stderr; the file has all of it


class Sink:
    """Writes each event as one line of JSON to the file and as one short line to stderr.

    `mask` takes secrets out of a line. May be called from any thread.
    """

    def __init__(self, file: GrowingFile, *, stderr: int, mask: Callable[[str], str]) -> None:
        self._file, self._stderr, self._mask = file, stderr, mask
        self._journal = is_journal(stderr)
        self._lost = 0
        self._lock = threading.RLock()  # a value's repr may log

    def write(self, event: MutableMapping[str, Any]) -> None:
        """Write one event; its time, level and text are in it under structlog's names."""
        with self._lock:
            try:
                raised = _exception(event)
                self._to_stderr(event, raised)
                self._to_file(format_exc_info(None, "", event))
            except Exception as error:  # noqa: BLE001 - logging must never end the daemon
                with suppress(Exception):
                    self._to_file({"event": "an event could not be logged", "why": repr(error)})

    def _to_file(self, event: Mapping[str, Any]) -> None:
        if self._lost:
            note = {"level": "warning", "event": "log lines were lost", "lines": self._lost}
            if self._file.write((json.dumps(note) + "\n").encode()):
                self._lost = 0
        if not self._file.write((self._clean_json(event) + "\n").encode()):
            self._lost += 1

    def _clean_json(self, event: Mapping[str, Any]) -> str:
        ordered = {name: event[name] for name in _FIRST if name in event} | dict(event)
        line = json.dumps(ordered, default=repr)  # ASCII: no control or direction character passes
        clean = self._clean(line)
        if clean != line:
            try:
                json.loads(clean)
            except ValueError:  # a secret that looks like JSON itself
                return json.dumps({"event": "a line was withheld: masking would have broken it"})
        return clean

    def _to_stderr(self, event: Mapping[str, Any], raised: BaseException | None) -> None:
        level = str(event.get("level", "info"))
        words = [self._word(event.get("event", ""))]
        words += [
            f"{key}={self._word(value)}" for key, value in event.items() if key not in _NOT_SHOWN
        ]
        if raised is not None:
            words.append(self._word(f"{type(raised).__name__}: {raised}"))
        line = self._clean(escape(" ".join(words)))
        if self._journal:
            line = f"<{_PRIORITIES.get(level, 6)}>{line}"
        else:
            line = f"{str(event.get('timestamp', ''))[11:19]} {level:<7} {line}"
        with suppress(OSError):  # a closed or broken stderr
            os.write(self._stderr, f"{line}\n".encode(errors="backslashreplace"))

    def _word(self, value: object) -> str:
        """Return a value for people."""
        text = value if isinstance(value, str) else repr(value)
        if len(text) <= _VALUE:
            return text
        return self._clean(text)[:_VALUE] + "…"  # half a secret would not be recognised any more

    def _clean(self, text: str) -> str:
        return self._mask(strip_urls(text))


def is_journal(fd: int) -> bool:
    """Whether a descriptor leads to systemd's journal, which JOURNAL_STREAM names by dev:ino."""
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _exception(event: Mapping[str, Any]) -> BaseException | None:
    """Return the exception an event carries, in any of the ways logging allows."""
    match event.get("exc_info"):
        case BaseException() as raised:
            return raised
        case (_, BaseException() as raised, _):
            return raised
        case None | False:
            return None
        case _:
            return sys.exception()
