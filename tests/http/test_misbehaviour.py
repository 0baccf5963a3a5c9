"""A service, or whoever sits between, that does what no service should."""

import gzip
import itertools
import socket
import struct
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.http import Account, Ask, Use, open_door
from tests.http.conftest import CANARY, OpenDoor, flat_memory
from tests.http.rogue import Behaviour, Connection, answer, rogue, sends, sends_and_closes

LIMIT = 0.5  # seconds for a call that ends by that
AMPLE = 20.0  # for one that ends by itself, on any machine
SLACK = 5.0
OK = "HTTP/1.1 200 OK\r\n"


def raw(text: str, body: bytes = b"") -> bytes:
    """Return a reply as written."""
    return text.encode("latin-1") + body


def resets(it: Connection) -> None:
    """End the connection by RST."""
    it.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    it.socket.close()


def drips_headers(it: Connection) -> None:
    """Send a header a letter."""
    it.send(OK.encode())
    it.drip(f"X-{n}: 1\r\n".encode() for n in itertools.count())


def drips_body(it: Connection) -> None:
    """Send a byte at a time."""
    it.send(f"{OK}Content-Length: 100000\r\n\r\n".encode())
    it.drip(itertools.repeat(b" "))


def never_begins(it: Connection) -> None:
    """Send one informational reply after another."""
    it.drip(itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), every=0)


def never_ends(it: Connection) -> None:
    """Send a body without any end, as fast as it goes."""
    it.send(f"{OK}Transfer-Encoding: chunked\r\n\r\n".encode())
    it.drip(itertools.repeat(b"10000\r\n" + b" " * 65536 + b"\r\n"), every=0)


def never_ends_its_headers(it: Connection) -> None:
    """Send headers without any end, as fast as it goes."""
    it.send(OK.encode())
    it.drip((f"X-{n}: {'y' * 60000}\r\n".encode() for n in itertools.count()), every=0)


def never_ends_its_error(it: Connection) -> None:
    """Send the body of an error without any end, as fast as it goes."""
    it.send(b"HTTP/1.1 500 No\r\nContent-Length: 99999999999\r\n\r\n")
    it.drip(itertools.repeat(b"x" * 65536), every=0)


def says_nothing(it: Connection) -> None:
    """Take the request and wait."""
    it.stop.wait(60)


BOMB = gzip.compress(b" " * 200_000_000, 9)


class Case(NamedTuple):
    """How a service behaves, and what a call to it must come to; `sure` that nothing happened."""

    behaviour: Behaviour
    error: type[BackendError]
    sure: bool = False
    limit: float = AMPLE


CASES = {
    "a redirect": Case(
        sends(answer(b"", "302 Found", "Location: http://127.0.0.1:1/")), ProtocolError
    ),
    "a redirect that keeps the method": Case(
        sends(answer(b"", "307 Temporary Redirect", "Location: /elsewhere")), ProtocolError
    ),
    "a short body": Case(
        sends_and_closes(raw(f"{OK}Content-Length: 100\r\n\r\n", b'{"id": 1}')), TransientError
    ),
    "a cut chunk": Case(
        sends_and_closes(raw(f"{OK}Transfer-Encoding: chunked\r\n\r\n", b"40\r\n{}")),
        TransientError,
    ),
    "chunks without their end": Case(
        sends_and_closes(raw(f"{OK}Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n")),
        TransientError,
    ),
    "a gzip bomb": Case(sends(answer(BOMB, "200 OK", "Content-Encoding: gzip")), ProtocolError),
    "headers that drip": Case(drips_headers, TransientError, limit=LIMIT),
    "a body that drips": Case(drips_body, TransientError, limit=LIMIT),
    "endless 1xx": Case(never_begins, TransientError, limit=LIMIT),
    "an endless body": Case(never_ends, ProtocolError),
    "endless headers": Case(never_ends_its_headers, TransientError),
    "silence": Case(says_nothing, TransientError, limit=LIMIT),
    "a reset": Case(resets, TransientError),
    "no HTTP": Case(sends_and_closes(b"SSH-2.0-OpenSSH_9.2\r\n"), TransientError),
    "an early end": Case(sends_and_closes(b""), TransientError),
    "two kinds of length": Case(
        sends(raw(f"{OK}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        ProtocolError,
    ),
    "two lengths": Case(
        sends(raw(f"{OK}Content-Length: 2\r\nContent-Length: 5\r\n\r\n{{}}")), TransientError
    ),
    "deep JSON": Case(sends(answer(b"[" * 100_000)), ProtocolError),
    "a big integer": Case(sends(answer(b"1" * 100_000)), ProtocolError),
    "a big number": Case(sends(answer(b"1e999")), ProtocolError),
    "NaN": Case(sends(answer(b'{"progress": NaN}')), ProtocolError),
    "half a character": Case(sends(answer(b'"\\ud800"')), ProtocolError),
    "no UTF-8": Case(sends(answer(b'"\xff"')), ProtocolError),
    "an empty body": Case(sends(answer(b"")), ProtocolError),
    "a page": Case(sends(answer(b"<html>Log in to the hotel's network")), ProtocolError),
    "an error without end": Case(
        never_ends_its_error,
        TransientError,
    ),
    "408": Case(sends(answer(b"", "408 Request Timeout")), TransientError),
    "409": Case(sends(answer(b"", "409 Conflict")), TransientError),
    "503": Case(sends(answer(b"", "503 Service Unavailable")), TransientError),
    "401": Case(sends(answer(b'"Missing API token"', "401 Unauthorized")), AuthError, sure=True),
    "403": Case(sends(answer(b"", "403 Forbidden")), AuthError, sure=True),
    "429": Case(sends(answer(b"", "429 Too Many Requests")), QuotaError, sure=True),
    "404": Case(sends(answer(b"", "404 Not Found")), RejectedError, sure=True),
    "422": Case(sends(answer(b"", "422 Unprocessable")), RejectedError, sure=True),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("reads", [True, False], ids=["a read", "a change"])
async def test_a_call_ends_in_time_with_the_right_error(
    case: Case, *, reads: bool, door: OpenDoor
) -> None:
    """A submit that was done would be taken for one that was not, or a call would hang for ever."""
    method = "GET" if reads else "POST"
    ask = Ask(method, "/run", Use.SUBMIT, reads=reads, limit=case.limit, cap=1 << 20)
    with rogue(case.behaviour) as server:
        async with door(server.url) as it:
            began = time.monotonic()
            with flat_memory(), pytest.raises(BackendError) as caught:
                (await it.call(ask)).json()
            took = time.monotonic() - began
    assert type(caught.value) is case.error
    assert caught.value.effect == ("none" if reads or case.sure else "possible")
    assert took < case.limit + SLACK
    assert len(server.seen) == 1, "nothing is sent twice"
    assert f"127.0.0.1:{server.port}/run" in str(caught.value)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


async def test_what_was_not_sent_has_no_effect(door: OpenDoor) -> None:
    """A job would be held as doubtful whenever a service is down."""
    with rogue(sends(answer())) as gone:
        pass
    async with door(gone.url) as it:
        with pytest.raises(TransientError) as caught:
            await it.call(Ask("POST", "/run", Use.SUBMIT, reads=False))
    assert caught.value.effect == "none"
    assert "no connection" in str(caught.value)


@pytest.mark.parametrize("extra", [answer(b'{"id": "B"}'), b"\0" * 100], ids=["a reply", "bytes"])
async def test_what_comes_behind_a_reply_is_not_the_next_one(extra: bytes, door: OpenDoor) -> None:
    """The state of one job would be taken for that of another."""
    replies = iter([answer(b'{"id": "A"}') + extra, answer(b'{"id": "C"}'), answer(b'{"id": "D"}')])
    with rogue(lambda it: it.send(next(replies))) as server:
        async with door(server.url) as it:
            ask = Ask("GET", "/job", Use.POLL, reads=True)
            found = [(await it.call(ask)).json() for _ in range(3)]
    assert found == [{"id": "A"}, {"id": "C"}, {"id": "D"}]
    assert server.connections == 2, "the clean connection is used again"


async def test_a_change_never_shares_a_connection(door: OpenDoor) -> None:
    """A connection that its service had given up would make a submit doubtful for nothing."""
    with rogue(sends(answer())) as server:
        async with door(server.url) as it:
            for _ in range(2):
                await it.call(Ask("POST", "/run", Use.SUBMIT, reads=False))
    assert server.connections == 2


async def test_no_cookie_is_kept(door: OpenDoor) -> None:
    """A service could mix up accounts that share a daemon."""
    with rogue(sends(answer(b"{}", "200 OK", "Set-Cookie: session=1; Path=/"))) as server:
        async with door(server.url) as it:
            for _ in range(2):
                await it.call(Ask("GET", "/x", Use.POLL, reads=True))
    assert not any(b"cookie" in request.lower() for request in server.seen)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_no_redirect_is_followed(status: str, door: OpenDoor) -> None:
    """The account's key would be handed to whoever the redirect names."""
    with rogue(sends(answer())) as thief:
        where = f"Location: {thief.url}/steal"
        with rogue(sends(answer(b"", status, where))) as server:
            async with door(server.url) as it:
                with pytest.raises(ProtocolError):
                    await it.call(Ask("GET", "/x", Use.POLL, reads=True))
                with pytest.raises(ProtocolError):
                    await it.call(Ask("GET", f"{thief.url}/next?page=2", Use.POLL, reads=True))
    assert thief.connections == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("120", 120.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("999999999999", 86400.0),
        ("-5", 86400.0),
        ("soon", 86400.0),
        ("1e9", 86400.0),
    ],
)
async def test_the_time_a_service_asks_for_is_kept(
    header: str, expected: float, door: OpenDoor
) -> None:
    """A service that asked to be left alone would be called on, and lock the account."""
    with rogue(sends(answer(b"", "429 Too Many Requests", f"Retry-After: {header}"))) as server:
        async with door(server.url) as it:
            with pytest.raises(QuotaError) as caught:
                await it.call(Ask("GET", "/x", Use.POLL, reads=True))
            assert caught.value.retry_after == expected
            if expected:
                with pytest.raises(QuotaError) as caught:
                    await it.call(Ask("POST", "/x", Use.SUBMIT, reads=False))
                assert caught.value.effect == "none"
                assert caught.value.retry_after == pytest.approx(expected, abs=5)
    assert len(server.seen) == 1


async def test_a_wrong_clock_is_named(door: OpenDoor) -> None:
    """A person would renew good credentials again and again."""
    denied = answer(b"", "401 Unauthorized", "Date: Wed, 21 Oct 2015 07:28:00 GMT")
    with rogue(sends(denied)) as server:
        async with door(server.url) as it:
            with pytest.raises(AuthError, match="clock"):
                await it.call(Ask("GET", "/x", Use.POLL, reads=True))


async def test_no_secret_is_in_what_a_service_says(door: OpenDoor) -> None:
    """The key would stand in the log, in `explain` and in the queue."""
    said = f'{{"error": "no such key: {CANARY}\\u001b[2J see https://x.org/a?sig={CANARY}"}}'
    with rogue(sends(answer(said.encode(), "400 Bad Request"))) as server:
        async with door(server.url) as it:
            with pytest.raises(RejectedError, match="no such key") as caught:
                await it.call(Ask("GET", "/x", Use.POLL, params={"q": CANARY}, reads=True))
    told = "".join(traceback.format_exception(caught.value))
    assert CANARY not in told
    assert "\x1b" not in told
    assert caught.value.__cause__ is None


async def test_the_environment_names_no_way(
    door: OpenDoor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever sets a variable would get the account's key."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password stolen\n")
    with rogue(sends(answer())) as proxy, rogue(sends(answer())) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        async with door(server.url) as it:
            await it.call(Ask("GET", "/x", Use.POLL, reads=True))
    assert proxy.connections == 0
    assert b"thief" not in server.seen[0]
    assert CANARY.encode() in server.seen[0]


async def test_the_configured_proxy_is_used(door: OpenDoor) -> None:
    """A workstation behind a proxy would reach no service."""
    with rogue(sends(answer())) as proxy:
        async with door("http://service.example.org/v1", proxy=proxy.url) as it:
            await it.call(Ask("GET", "/x", Use.POLL, reads=True))
    assert proxy.seen[0].startswith(b"GET http://service.example.org/v1/x HTTP/1.1")


@pytest.mark.parametrize(
    "path",
    ["http://user:pw@127.0.0.1/x", "../admin", "a/%2E./b", "x?keep=false", "http://[::1", "x\ny"],
)
async def test_an_odd_path_is_not_sent(path: str, door: OpenDoor) -> None:
    """A foreign id in a path would call something else than was meant."""
    with rogue(sends(answer())) as server:
        async with door(server.url) as it:
            with pytest.raises((RejectedError, ProtocolError)) as caught:
                await it.call(Ask("POST", path, Use.SUBMIT, reads=False))
    assert caught.value.effect == "none"
    assert server.connections == 0


@pytest.mark.parametrize("more", [{"headers": {"X-Tag": "a\r\nX-Evil: 1"}}, {"json": float("nan")}])
async def test_a_call_that_is_no_http_is_not_sent(more: dict[str, Any], door: OpenDoor) -> None:
    """A foreign text could add headers to a call, or hold a job as doubtful for nothing."""
    with rogue(sends(answer())) as server:
        async with door(server.url) as it:
            with pytest.raises(RejectedError) as caught:
                await it.call(Ask("POST", "/run", Use.SUBMIT, reads=False, **more))
    assert caught.value.effect == "none"
    assert server.seen == []


@pytest.mark.parametrize("secret", ["two\nlines", "sch\u00fc\u00dfel"])
async def test_a_secret_that_is_no_header_is_said_and_fails_no_job(
    secret: str, tmp_path: Path
) -> None:
    """Every job would be refused for good, for a token file with a second line."""
    with rogue(sends(answer())) as server:
        account = Account(url=server.url)
        proofs = {"Authorization": f"Bearer {secret}"}
        async with open_door(account, tmp_path, name="cloud", auth=lambda: proofs) as it:
            with pytest.raises(AuthError, match="secret") as caught:
                await it.call(Ask("GET", "/x", Use.POLL, reads=True))
    assert caught.value.effect == "none"
    assert secret not in str(caught.value)
    assert server.seen == []


async def test_what_one_thing_over_there_asks_for_holds_nothing_else(door: OpenDoor) -> None:
    """One job that is not ready would hold up all others of the account."""
    replies = iter([answer(b"", "409 Conflict", "Retry-After: 600"), answer()])
    with rogue(lambda it: it.send(next(replies))) as server:
        async with door(server.url) as it:
            with pytest.raises(TransientError) as caught:
                await it.call(Ask("GET", "/job/1", Use.POLL, reads=True))
            assert caught.value.retry_after == 600
            await it.call(Ask("GET", "/job/2", Use.POLL, reads=True))


@pytest.mark.parametrize("where", ["http://", "http://[", "://", "\xff", "http://a b/", "//", ""])
async def test_a_redirect_to_nowhere_is_an_error_like_any(where: str, door: OpenDoor) -> None:
    """A strange reply would stop the daemon."""
    with rogue(sends(answer(b"", "302 Found", f"Location: {where}"))) as server:
        async with door(server.url) as it:
            with pytest.raises((ProtocolError, TransientError)) as caught:
                await it.call(Ask("POST", "/run", Use.SUBMIT, reads=False))
    assert caught.value.effect == "possible"
