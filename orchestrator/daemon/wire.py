"""What goes over the socket at which a daemon is asked: one line, and perhaps a file; one answer.

The request is one line of JSON, `{"backend": …, "verb": …, "words": […]}`; an open file may come
with it (SCM_RIGHTS). The answer is `{"answer": …}` or `{"error": {"class": …, "text": …}}`, up to
the end of the connection.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)

LONGEST_REQUEST = 64 << 10  # bytes
LONGEST_ANSWER = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a verb of one backend, with its words."""

    backend: str
    verb: str
    words: tuple[str, ...] = ()


_QUESTION = TypeAdapter(Question)
_ERRORS: dict[str, type[BackendError]] = {
    kind.__name__: kind
    for kind in (
        BackendError,
        TransientError,
        QuotaError,
        AuthError,
        RejectedError,
        ProtocolError,
    )
}


def asked(question: Question) -> bytes:
    """Return a question as it is sent."""
    return json.dumps(asdict(question)).encode() + b"\n"


def read_question(line: bytes) -> Question:
    """Return the question that was sent. Raises ProtocolError."""
    try:
        return _QUESTION.validate_json(line)
    except ValidationError:
        raise ProtocolError("the request was not understood", effect="none") from None


def answered(answer: JsonValue) -> bytes:
    """Return an answer as it is sent."""
    data = json.dumps({"answer": answer}).encode()
    if len(data) > LONGEST_ANSWER:
        return failed(ProtocolError("the answer is too long; ask for less"))
    return data


def failed(error: BackendError) -> bytes:
    """Return an error as it is sent."""
    told = {"class": type(error).__name__, "text": str(error), "effect": error.effect}
    return json.dumps({"error": told | {"retry_after": error.retry_after}}).encode()


def read_answer(reply: bytes) -> JsonValue:
    """Return the answer that was sent. Raises the error that was sent instead, or ProtocolError."""
    if not reply:
        raise TransientError("the daemon ended, or refused, before it answered")
    try:
        told: dict[str, Any] = json.loads(reply)
        if "answer" in told:
            answer: JsonValue = told["answer"]
            return answer
        error = told["error"]
        kind = _ERRORS[error["class"]]
        text, effect, later = str(error["text"]), error["effect"], error["retry_after"]
    except (ValueError, KeyError, TypeError):
        raise ProtocolError("the daemon's answer was not understood") from None
    raise kind(text, effect=effect, retry_after=later)


@contextmanager
def short(path: Path) -> Iterator[str]:
    """Give a socket's path in few characters: the system takes 107, and a home may lie deeper."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
