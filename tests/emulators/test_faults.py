"""Fault switches: each does what the list of faults says, and nothing else."""

import gzip
import json
import socket
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from orchestrator.emulators.faults import ANY_REPLY, STORAGE, Faults
from tests.emulators.talking import Person, until

RUN = "on=POST */run"


def tries(me: Person) -> tuple[httpx.Response | type[Exception], int]:
    """Try to run something; return what came back, and how many runs the service began."""
    before = len(me.control()["starts"])
    answer: httpx.Response | type[Exception]
    try:
        answer = me.api.post("/app/emulator/shell/run", json={"inputs": {"script": "true"}})
    except httpx.TransportError as error:
        answer = type(error)
    return answer, len(me.control()["starts"]) - before


@pytest.mark.parametrize(
    ("fault", "status", "began"),
    [
        ("error-before", 503, 0), ("error-before=500", 500, 0), ("error-after", 502, 1),
        ("too-many", 429, 0), ("too-many=7", 429, 0), ("forbidden", 403, 0), ("redirect", 307, 0),
        ("html", 200, 1), ("empty-json", 200, 1),
    ],
)  # fmt: skip
def test_replies_before_and_after_the_effect(
    me: Person, fault: str, status: int, began: int
) -> None:
    """That a run began just once would be proved against a service that never begins one."""
    me.faults(f"{fault},times=1,{RUN}")
    answer, runs = tries(me)
    assert isinstance(answer, httpx.Response)
    assert (answer.status_code, runs) == (status, began)
    assert answer.headers.get("retry-after") == ("7" if fault == "too-many=7" else None)
    assert ("location" in answer.headers) == (fault == "redirect")
    assert answer.text.startswith("<html>") == (fault == "html")
    assert me.control()["fired"][fault.partition("=")[0]] > 0
    answer, runs = tries(me)
    assert isinstance(answer, httpx.Response)
    assert (answer.status_code, runs) == (200, 1)


@pytest.mark.parametrize(
    ("fault", "raised", "began"),
    [
        ("drop-before", (httpx.ReadError, httpx.RemoteProtocolError), 0),
        ("drop-after", (httpx.ReadError, httpx.RemoteProtocolError), 1),
        ("cut=0", (httpx.RemoteProtocolError,), 1),
        ("cut=30", (httpx.RemoteProtocolError,), 1),
        ("short-body=5", (httpx.RemoteProtocolError,), 1),
    ],
)
def test_connections_that_end_before_the_reply_does(
    me: Person, fault: str, raised: tuple[type[Exception], ...], began: int
) -> None:
    """The worst moment for a submit would not be tested."""
    me.faults(f"{fault},times=1,{RUN}")
    answer, runs = tries(me)
    assert answer in raised
    assert runs == began


def test_a_date_to_come_back_at(me: Person) -> None:
    """Only one of the two forms of Retry-After would be understood."""
    me.faults("too-many-until=90")
    answer = me.api.get("/app")
    left = parsedate_to_datetime(answer.headers["retry-after"]) - datetime.now(UTC)
    assert answer.status_code == 429
    assert 60 < left.total_seconds() <= 90


def test_slow_replies(me: Person) -> None:
    """Deadlines would be tested against a service that is always quick."""
    me.faults("late=0.2,times=1", "drip=0.001,times=1,skip=1")
    for least in (0.2, 0.001 * 150):
        began = time.monotonic()
        assert "sncf_reseau" in me.get("/app")
        assert time.monotonic() - began >= least


def test_bodies_that_are_not_what_was_stored(me: Person) -> None:
    """A checksum that is never compared would go unnoticed."""
    me.upload("b", b"0123456789")
    url = me.post("/data/download", uri="b")["b"]
    me.faults("wrong-bytes,times=1", "gzip,times=1,skip=1", "short-length=3,times=1,skip=2")
    wrong = me.bare.get(url)
    assert (len(wrong.content), wrong.content[1:]) == (10, b"123456789")
    assert wrong.content != b"0123456789"
    with me.bare.stream("GET", url) as packed:
        raw = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    short = me.bare.get(url)
    assert (raw and gzip.decompress(raw), short.content) == (b"0123456789", b"0123456")
    assert short.headers["content-length"] == "7"
    assert me.bare.get(url).content == b"0123456789"


def test_urls_that_lead_elsewhere(me: Person) -> None:
    """A guard against foreign hosts would be tested by nothing."""
    me.faults("foreign-host=http://127.0.0.3:1,times=1")
    url = me.post("/data/upload/singlepart", uri="f")["url"]
    assert url.startswith("http://127.0.0.3:1/s3/")
    me.faults("foreign-host,on=GET /s3/*")
    url = me.post("/data/upload/singlepart", uri="f")["url"]
    assert me.bare.put(url, content=b"").is_success


def test_processes_that_are_not_told_of_rightly(me: Person) -> None:
    """A lagging list would be taken for absence, another's state for one's own."""
    me.faults("list-lag=1000", "odd-state", "empty-list")
    process = me.script("until [ -e go ]; do sleep 0.01; done", tags=["lag"])
    query = {"tags_intersects": ["lag"]}
    hidden = me.api.post("/app/processes", json=query)
    assert (hidden.content, hidden.headers["content-type"]) == (b"", "application/json")
    assert me.get(f"/app/process/{process}")["state"] == "calibrating_7"
    me.ahead(1001)
    assert me.api.post("/app/processes", json=query).content
    until(lambda: me.control()["live"] == [process])
    me.go(process)
    me.faults("foreign-id,times=1")
    assert me.get(f"/app/process/{process}")["id"] != process
    assert me.ended(process)["id"] == process


def test_outputs_that_come_late_or_under_hostile_names(me: Person) -> None:
    """A first listing without outputs would be a result without files."""
    process = me.script("echo 1 > a")
    me.ended(process)
    me.faults("late-outputs=2")
    path = f"/app/process/outputs/{process}"
    assert [("outputs" in me.get(path)) for _ in range(3)] == [False, False, True]
    me.faults("hostile-names")
    keys = me.outputs(process)
    assert {f"{process}/../escaped", "/etc/absolute", f"{process}/nul\0byte"} < set(keys)
    assert len({it.lower() for it in keys}) < len(keys)
    assert {me.bare.get(url).content for url in keys.values()} == {b"1\n"}


def test_a_caller_that_goes_in_its_body_is_no_error(
    me: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever interrupts the demo would read a traceback of the stand-in."""
    before = me.control()["calls"].get("POST /v1/data", 0)
    lines = [
        "POST /v1/data HTTP/1.1", f"Host: {me.api.base_url.host}", "Content-Length: 100",
        f"Authorization: {me.api.headers['authorization']}",
    ]  # fmt: skip
    with socket.create_connection((me.api.base_url.host, me.api.base_url.port)) as wire:
        wire.sendall("\r\n".join([*lines, "", '{"prefix": "']).encode())
        until(lambda: me.control()["under_way"] == 1)
    until(lambda: me.control()["calls"].get("POST /v1/data", 0) == before + 1)
    assert me.control()["under_way"] == 0
    me.get("/app")  # by now it would have been told
    assert [it.message for it in caplog.records if it.name == "uvicorn.error"] == []


def test_chance_can_be_repeated_and_counts_end() -> None:
    """A failure under chance could not be replayed."""

    def strikes(seed: int) -> list[bool]:
        faults = Faults((*ANY_REPLY, *STORAGE), seed)
        faults.put(["late,chance=0.5", "gzip,times=2,skip=1,on=GET /a*"])
        where = ["GET /abc", "GET /b"] * 4
        gzips = [faults.strike("gzip", it) is not None for it in where]
        assert gzips == [False, False, True, False, True, False, False, False]
        return [faults.strike("late", it) is not None for it in where * 5]

    assert strikes(1) == strikes(1) != strikes(2)


@pytest.mark.parametrize(
    "spec", ["lat", "late=soon", "late,times", "late,times=x", "late,chance=x", "late,what=1"]
)
def test_a_wrong_fault_is_refused(me: Person, spec: str) -> None:
    """A test would run without the fault that it names."""
    answer = me.bare.put(f"{me.told.control}/faults", json=[spec])
    assert answer.status_code == 400
    assert answer.text.startswith(f"{spec}: ")
    assert me.control()["rules"] == []


def test_the_log_has_no_secrets(me: Person) -> None:
    """Tokens, passwords and signed URLs would lie in a file."""
    me.upload("logged", b"1")
    answer = me.post("/data/download", uri="logged")["logged"]
    me.bare.get(answer)
    log = me.told.root.joinpath("calls.log").read_text()
    calls = [json.loads(line) for line in log.splitlines()]
    assert calls[-1]["call"] == "GET /s3/{bucket}/{key:path}"
    assert calls[-1]["status"] == 200
    token = me.api.headers["authorization"].partition(" ")[2]
    for secret in (me.password, token, "Signature", "logged"):
        assert secret not in log
