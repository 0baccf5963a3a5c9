"""orchestrator.jsonl and stderr: everything arrives, nothing secret does, nothing is raised."""

import base64
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import structlog

from orchestrator.log import escape, logging_to
from orchestrator.log.masking import strip_urls

NASTY = "a\nb\r\x1b[2J\u202e\u2028\x85\udce9"
SECRETS = ["canary-5f2a9c71", 'qu"o\\te/é+ \x1b&canary', "n4newline-canary"]
log = structlog.get_logger()


class Logs:
    """The two places lines go to, in files."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "orchestrator.jsonl"
        self.stderr_path = folder / "stderr"
        self._fd = os.open(self.stderr_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def open(self, **changed: Any) -> AbstractContextManager[None]:
        """Log to them."""
        return logging_to(self.path, **{"secrets": lambda: SECRETS, "stderr": self._fd, **changed})

    def close(self) -> None:
        """Close what stands for stderr."""
        os.close(self._fd)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the file holds."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    @property
    def stderr(self) -> list[str]:
        """The lines on stderr."""
        return self.stderr_path.read_text().splitlines()


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    """Return the two places lines go to."""
    places = Logs(tmp_path)
    yield places
    places.close()


def test_an_event_arrives_in_both_places(logs: Logs) -> None:
    """An event would lack its time, level or facts."""
    with logs.open():
        log.warning("disk is filling", free=12, job="beam")
        log.debug("nobody asked")
    (event,) = logs.events
    at = event.pop("timestamp")
    assert at.endswith("Z")
    assert event == {"level": "warning", "event": "disk is filling", "free": 12, "job": "beam"}
    assert logs.stderr == [f"{at[11:19]} warning disk is filling free=12 job=beam"]


def test_the_standard_library_arrives_too(logs: Logs) -> None:
    """What libraries and asyncio complain about would be lost."""
    with logs.open():
        logging.getLogger("asyncio").error("task %s failed", "t1")
        logging.getLogger("asyncio").warning("wrong %d arguments", "text")
    first, second = logs.events
    assert (first["event"], first["level"], first["logger"]) == (
        "task t1 failed",
        "error",
        "asyncio",
    )
    assert second["event"] == "wrong %d arguments"
    assert len(logs.stderr) == 2


@pytest.mark.parametrize("name", ["httpx", "httpcore", "httpcore.http11"])
def test_http_libraries_are_quiet(logs: Logs, name: str) -> None:
    """Whole URLs of every request would be logged."""
    with logs.open():
        logging.getLogger(name).info("GET https://host/path")
        logging.getLogger(name).warning("heard")
    assert [event["event"] for event in logs.events] == ["heard"]


def test_foreign_text_cannot_act(logs: Logs) -> None:
    """A job's name would clear the terminal, or its output forge a line."""
    with logs.open():
        log.info(NASTY, field=NASTY, **{NASTY: 1})
        logging.getLogger("library").warning(NASTY)
        log.info("bytes", data=NASTY.encode(errors="surrogatepass"))
    assert logs.path.read_bytes().isascii()
    assert [event["event"] for event in logs.events] == [NASTY, NASTY, "bytes"]
    assert len(logs.stderr) == 3
    assert all(line.isprintable() for line in logs.stderr)


def fail(secret: str) -> None:
    """Raise with a secret in the text and another value in a local variable."""
    local_variable = "local-" + "value"
    raise ValueError(f"refused: {secret}, {len(local_variable)}")


def test_an_exception_comes_with_traceback_and_without_locals(logs: Logs) -> None:
    """A fault could not be found, or the values of all variables would be in the log."""
    with logs.open():
        for report in (log.exception, logging.getLogger("library").exception):
            try:
                fail("x")
            except ValueError:
                report("it failed")
        log.error("given", exc_info=ValueError("by hand"))
    for event in logs.events[:2]:
        assert "Traceback (most recent call last):" in event["exception"]
        assert "in fail\n" in event["exception"]
    assert "by hand" in logs.events[2]["exception"]
    assert "local-value" not in logs.path.read_text()
    assert [line.split(" ", 1)[1] for line in logs.stderr] == [
        "error   it failed ValueError: refused: x, 11",
        "error   it failed ValueError: refused: x, 11",
        "error   given ValueError: by hand",
    ]


def forms(secret: str) -> Iterator[str]:
    """Yield what a secret may look like, worked out apart from the code that masks it."""
    yield secret
    yield quote(secret)
    yield quote_plus(secret)
    yield quote(secret, safe="").replace("%2F", "%2f")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(json.dumps(secret))[1:-1]
    yield escape(secret)
    for before in ("", "u:", "us:", "user:"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(f"{before}{secret}".encode()).decode().rstrip("=")


Report = Callable[[str], None]


def in_an_exception(form: str) -> None:
    """Log it in the text of an exception."""
    try:
        fail(form)
    except ValueError:
        log.exception("failed")


REPORTS: dict[str, Report] = {
    "event": lambda form: log.info(form, n=1),
    "arguments": lambda form: log.info("before %s after", form),
    "value": lambda form: log.info("e", text=form),
    "nested": lambda form: log.info("e", headers={"X-Api-Key": [form]}),
    "key": lambda form: log.info("e", **{form: 1}),
    "bytes": lambda form: log.info("e", body=form.encode()),
    "url": lambda form: log.info("e", url=f"https://host/path/{form}/x?sig={form}"),
    "long": lambda form: log.info("e", text="x" * (301 - len(form)) + form + "x" * 99),
    "library": lambda form: logging.getLogger("library").warning("header: %s", form),
    "exception": in_an_exception,
}


@pytest.mark.parametrize("where", REPORTS)
def test_no_secret_in_any_form_anywhere(logs: Logs, where: str) -> None:
    """A token would be in the log, and from there in a bug report."""
    with logs.open():
        for secret in SECRETS:
            for form in forms(secret):
                REPORTS[where](form)
    written = logs.path.read_text() + logs.stderr_path.read_text()
    decoded = "".join(map(repr, logs.events))
    for secret in SECRETS:
        for form in forms(secret):
            # In base64 the characters at the ends also carry bits of the neighbours.
            for text in (form, json.dumps(form)[1:-1], form[6:-2]):
                assert text not in written, f"{form!r} as {text!r}"
                assert text not in decoded, f"{form!r} as {text!r}"
    assert "***" in written


def test_a_url_in_a_line_loses_its_query(logs: Logs) -> None:
    """A signature that no secret store knows, since the service made it, would be in the log."""
    with logs.open():
        log.info("fetching", url="https://h/\u00fc?Signature=unknown")
        logging.getLogger("library").warning("GET https://h/p?Signature=unknown")
        in_an_exception("https://h/p?Signature=unknown")
    written = logs.path.read_text() + logs.stderr_path.read_text()
    assert "unknown" not in written
    assert written.count("?***") == 6


def test_secrets_may_come_later(logs: Logs) -> None:
    """A token fetched after the start would not be masked."""
    known: set[str] = set()
    with logs.open(secrets=lambda: known):
        log.info("one token-1")
        known.add("token-1")
        log.info("two token-1")
    assert [event["event"] for event in logs.events] == ["one token-1", "two ***"]


def test_a_secret_that_looks_like_json_breaks_nothing(logs: Logs) -> None:
    """Masking would turn a line into something no program can read."""
    with logs.open(secrets=lambda: ["", "e", "event", "u001b", ': "in', "n4newline"]):
        log.info("first\n4newline \x1b")
        log.info("second")
    events = logs.events
    assert len(events) == 2
    assert events[0]["event"] == "a line was withheld: masking would have broken it"


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("see https://h/p?X-Amz-Signature=abc#f then", "see https://h/p?*** then"),
        ("https://h/p#token=abc", "https://h/p?***"),
        ("'https://user:pa@ss@h:1/p'", "'https://***@h:1/p'"),
        ('"https://h/\\u00fc?a=\\u00fcb&c=d\\\\e" and', '"https://h/\\u00fc?***" and'),
        ("https://h/p?a='b'&sig=c", "https://h/p?***"),
        ("https://h/p?a\\nnext line?", "https://h/p?***\\nnext line?"),
        ("<s3+x://b/k?a>", "<s3+x://b/k?***>"),
        ("what? a@b.c # no :// url?", "what? a@b.c # no :// url?"),
    ],
)
def test_urls_lose_what_may_be_secret(text: str, stripped: str) -> None:
    """A presigned URL is a key to somebody's files, and it would be in the log."""
    assert strip_urls(text) == stripped


class Broken:
    """A value that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


def test_logging_never_raises(logs: Logs) -> None:
    """One bad value, or a closed terminal, would end the daemon."""
    read, write = os.pipe()
    os.close(read)
    circle: list[object] = []
    circle.append(circle)
    with logs.open(stderr=write):
        log.info("broken", value=Broken())
        log.info("circle", value=circle)
        log.info("odd keys", value={(1, 2): 3})
        logging.getLogger("library").warning("%s", Broken())
        log.info("fine")
    os.close(write)
    with logs.open(stderr=write):
        log.info("closed")
    failed = "an event could not be logged"
    assert [event["event"] for event in logs.events] == [
        failed,
        failed,
        failed,
        "%s",
        "fine",
        "closed",
    ]
    assert "RuntimeError" in logs.events[0]["why"]


def test_the_journal_gets_priorities(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the journal every line would have the same priority, and its time twice."""
    status = logs.stderr_path.stat()
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    with logs.open(level=logging.DEBUG):
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(log, level)("said", n=1)
    assert logs.stderr == [f"<{n}>said n=1" for n in (7, 6, 4, 3, 2)]


@pytest.mark.parametrize("stream", ["", "1:2", "x"])
def test_a_foreign_journal_is_not_ours(
    logs: Logs, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    """Started from a desktop session, the terminal would show <6> and no time."""
    monkeypatch.setenv("JOURNAL_STREAM", stream)
    with logs.open():
        log.info("said")
    assert not logs.stderr[0].startswith("<")


def test_threads_and_rotation_keep_lines_whole(logs: Logs) -> None:
    """Two workers would write into each other's lines, or a rotation would lose some."""

    def work(worker: int) -> None:
        for n in range(150):
            log.info("step", worker=worker, n=n, text="x" * n)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with logs.open(size=5_000, keep=50):
            workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
    finally:
        sys.setswitchinterval(before)
    text = "".join(p.read_text() for p in logs.path.parent.glob("orchestrator.jsonl*"))
    found = {(event["worker"], event["n"]) for event in map(json.loads, text.splitlines())}
    assert len(found) == text.count("\n") == 600
    assert (logs.path.with_name("orchestrator.jsonl.1")).exists()


def test_everything_is_as_before_when_it_ends(logs: Logs) -> None:
    """A command that logs for a moment would take over the logging of its caller."""
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    with logs.open():
        assert root.handlers != before[1]
    assert (root.level, list(root.handlers)) == before
    assert logs.path.stat().st_mode & 0o777 == 0o600
