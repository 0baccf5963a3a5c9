"""The one door to HTTP services: every call goes out here, and comes back as a reply or an error.

Nothing is retried, no redirect is followed, nothing of the environment is used.
"""

import base64
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial, reduce
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
from anyio import CapacityLimiter
from anyio.from_thread import check_cancelled

from orchestrator import __version__
from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.http.account import Account
from orchestrator.backends.http.asking import LIMIT, Ask, Reply
from orchestrator.backends.http.downloading import Stream, whole_file
from orchestrator.backends.http.failures import is_answer, outcome, refusal, words
from orchestrator.backends.http.governor import Governor, Permit, steady
from orchestrator.backends.http.guard import own
from orchestrator.backends.http.line import line
from orchestrator.backends.http.multipart import Body, UnreadableError
from orchestrator.backends.http.posting import Posting
from orchestrator.backends.http.replying import ERROR_CAP, read_reply
from orchestrator.backends.http.standing import Outcome
from orchestrator.backends.http.storage import Storage, storage_of
from orchestrator.log import escape
from orchestrator.log.masking import masker

_ODD = re.compile(r"[?#\\]|/(\.|%2e){1,2}(/|$)", re.IGNORECASE)  # would call something else
Auth = Callable[[], Mapping[str, str]]
Reading = Callable[[Ask, Reply, Callable[[], str]], BackendError | Reply | None]
"""What a service tells in its own way: given a call, its reply, and what gives its words.
An AuthError from here says that the credentials were refused, with whatever status; the reply
itself, that it is an answer with whatever status; a RejectedError or QuotaError, that it is about
this one call: whatever its status, it holds no other call back."""

KEEP_ALIVE = 75.0  # seconds, so that a poll a minute need not connect anew
CONNECT_LIMIT = 15.0  # seconds
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"orchestrator/{__version__}"}


class Door:
    """The way to one account. `auth` gives the headers that prove who we are, for each call."""

    def __init__(
        self,
        account: Account,
        governor: Governor,
        auth: Auth,
        *,
        clients: tuple[httpx.AsyncClient, httpx.AsyncClient],
        where: Storage,
        reading: Reading = lambda *_: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._base = httpx.URL(account.url)
        self._governor, self._auth, self._wall = governor, auth, wall
        self._reading, self._changing = clients
        self._read, self._where = reading, where
        self._threads = CapacityLimiter(account.at_once)

    async def call(self, ask: Ask) -> Reply:
        """Make one call. Raises the five errors; their text names host and path, and no secret."""
        deadline = anyio.current_time() + ask.limit
        url = self._url(ask)
        source = _source(url)
        secrets, headers = self._headers(ask)
        exchange = self._exchange(ask, url, headers, source)
        long = ask.multipart is not None
        wait = min(ask.limit, LIMIT)
        async with self._governor.admit(ask.use, limit=wait, long=long) as permit:
            error: BackendError | None
            try:
                with anyio.fail_after(deadline - anyio.current_time()):
                    reply = await exchange.made(deadline - anyio.current_time())
            except TimeoutError:
                error = TransientError(f"{source}: no whole answer within {ask.limit:.0f} s")
            except httpx.LocalProtocolError:
                raise _unwritable(url) from None
            except (httpx.RequestError, httpx.InvalidURL, ValueError) as fault:
                error = TransientError(f"{source}: {_in_words(fault)}")
            except UnreadableError:
                raise
            except (TransientError, ProtocolError) as fault:
                error = fault
            else:
                error = self._judged(ask, reply, secrets, permit)
                if error is None:
                    return reply
                raise error
            error.effect = ask.effect if exchange.begun else "none"
            permit.outcome = Outcome("failed", str(error))
        raise error

    @contextmanager
    def fetching(self, ask: Ask, *, mark: str | None = None) -> Iterator[Stream]:
        """Open a file that the service itself serves, with the account's credentials.

        For a worker thread that the event loop started: a cancel of the task that waits for it ends
        it, too. The call is under way, and has its place among others, until the context is left.
        `ask.limit` is for all from the connection until the file begins to come; from then on the
        pace is watched as for every download. `mark` is a header that the service sends with files
        alone, maybe with how its value begins ("Content-Type: text/csv"): whatever comes without it
        is none. Raises the five errors, all with effect none.
        """
        url = self._url(ask)
        source = _source(url)
        secrets, headers = self._headers(ask)
        body = None
        if ask.json is not None:
            body = json.dumps(ask.json).encode()
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        error: BackendError | None = None
        with self._governor.admit_thread(ask.use, limit=min(ask.limit, LIMIT)) as permit:
            until = time.monotonic() + ask.limit
            where = replace(self._where, head_limit=min(ask.limit, self._where.head_limit))
            try:
                target = own(_with(ask.params, url), where)
                with line(target, where, effect="none", heed=check_cancelled) as at:
                    with at.alarm(until - time.monotonic()):
                        at.send_head(ask.method, {**_HEADERS, **headers}, body)
                        at.socket.settimeout(None)  # it may think for long: the alarm rings in time
                        response = at.reply()
                        at.socket.settimeout(where.patience)
                        found = response.status == HTTPStatus.OK
                        reply = read_reply(response, at, ask, source, body=not found)
                    if found and (mark is None or _is_marked(reply, mark)):
                        permit.outcome = outcome(reply, None, self._wall())
                        yield whole_file(response, at)
                        return
                    error = self._judged(ask, reply, secrets, permit)
            except (TransientError, ProtocolError) as fault:
                permit.outcome = Outcome("failed", str(fault))
                raise
        text = f"{source} answered {reply.status}, but with no file"
        raise error or ProtocolError(text, effect="none")

    def _exchange(
        self, ask: Ask, url: httpx.URL, headers: Mapping[str, str], source: str
    ) -> "_Exchange | Posting":
        if ask.multipart is not None:
            headers = {**_HEADERS, **headers}
            with suppress(UnicodeEncodeError):
                body = Body(ask.multipart)
                whole = _with(ask.params, url)
                return Posting(whole, source, self._where, ask, headers, body, self._threads)
            raise _unwritable(url)
        client = self._reading if ask.reads else self._changing
        return _Exchange(client, _request(client, ask, url, headers), ask, source)

    def _judged(
        self, ask: Ask, reply: Reply, secrets: Collection[str], permit: Permit
    ) -> BackendError | None:
        """Return the error that a reply means, None for an answer; note what it tells."""
        wall, mask = self._wall(), masker(lambda: secrets)
        own = None
        if reply.status not in ask.expect:
            own = self._read(ask, reply, partial(words, reply.body, mask))
        error = None
        if not isinstance(own, Reply):
            error = own or refusal(ask, reply, wall=wall, mask=mask)
        denied = isinstance(own, AuthError)
        apart = isinstance(own, RejectedError | QuotaError) or reply.status in ask.expect
        permit.outcome = outcome(reply, error, wall, denied=denied, apart=apart)
        return error

    def pace(self, calls: int) -> float:
        """Return the seconds to leave between two looks of so many calls each; 0.0: no budget."""
        return self._governor.pace(calls)

    def _url(self, ask: Ask) -> httpx.URL:
        whole = ask.path.startswith(("http://", "https://"))
        url = None
        with suppress(httpx.InvalidURL, ValueError):
            url = httpx.URL(ask.path if whole else f"{self._base}/{ask.path.lstrip('/')}")
        if url is None or url.userinfo or (not whole and _ODD.search(f"/{ask.path}")):
            raise RejectedError(f"{self._base.host}: not the path of a call", effect="none")
        if _origin(url) != _origin(self._base):
            raise ProtocolError(
                f"{self._base.host} named {escape(url.host)} for a call, which is not its own"
                " address: nothing was sent there",
                effect="none",
            )
        return url

    def _headers(self, ask: Ask) -> tuple[list[str], dict[str, str]]:
        """Return what must not be shown, and the headers of a call."""
        if ask.basic is not None:
            proof = base64.b64encode(":".join(ask.basic).encode()).decode()
            return [ask.basic[1], proof], {**ask.headers, "Authorization": f"Basic {proof}"}
        auth = self._auth()
        if not all(proof.isascii() and proof.isprintable() for proof in auth.values()):
            # No fault of the job: it waits until the secret is put right.
            text = "its secret has several lines, or other than plain letters, and cannot be sent"
            raise AuthError(f"{escape(self._base.host)}: {text}", effect="none")
        headers = {**auth, **ask.headers}  # a call may bring another's credentials
        proofs = [*auth.values(), ask.headers.get("Authorization", "")]
        return [word for proof in proofs for word in (proof, proof.rpartition(" ")[2])], headers


def _is_marked(reply: Reply, mark: str) -> bool:
    name, _, begin = mark.partition(": ")
    value = reply.headers.get(name.lower())
    return value is not None and value.startswith(begin)


@asynccontextmanager
async def open_door(
    account: Account,
    directory: Path,
    *,
    name: str,
    auth: Auth = dict,
    reading: Reading = lambda *_: None,
    socket: str | None = None,
    steady: Callable[[], float] = steady,
    wall: Callable[[], float] = time.time,
) -> AsyncIterator[Door]:
    """Open the way to an account that keeps its standing in `directory`; `name` is said to people.

    With `socket`, calls go to that unix socket, and what `url` names is only said. `steady` and
    `wall` (seconds) are given for tests. Raises OSError when `ca_file` cannot be used.
    """
    for library in ("httpx", "httpcore"):  # at INFO they log whole URLs
        logging.getLogger(library).setLevel(logging.WARNING)
    governor = Governor(account, directory, name=name, steady=steady, wall=wall)
    where = await anyio.to_thread.run_sync(storage_of, account)
    kept = httpx.Limits(max_keepalive_connections=account.at_once, keepalive_expiry=KEEP_ALIVE)
    none = httpx.Limits(max_keepalive_connections=0)
    way: dict[str, Any] = {"verify": where.tls, "proxy": account.proxy}
    if socket is not None:
        way = {"transport": httpx.AsyncHTTPTransport(uds=socket)}
    shared: dict[str, Any] = {
        **way,
        "trust_env": False,
        "follow_redirects": False,
        "timeout": httpx.Timeout(None, connect=CONNECT_LIMIT),
    }
    try:
        async with (
            httpx.AsyncClient(**shared, limits=kept, headers=_HEADERS, cookies=_no_cookies()) as r,
            httpx.AsyncClient(
                **shared,
                limits=none,
                headers={**_HEADERS, "Connection": "close"},
                cookies=_no_cookies(),
            ) as c,
        ):
            clients = (r, c)
            yield Door(
                account, governor, auth, clients=clients, where=where, reading=reading, wall=wall
            )
    finally:
        governor.close()


@dataclass(slots=True)
class _Exchange:
    """A call through httpx, which is made once; `begun`: a byte of it may have gone out."""

    client: httpx.AsyncClient
    request: httpx.Request
    ask: Ask
    source: str
    begun: bool = False

    async def made(self, _: float) -> Reply:
        """Send it and read its whole reply. Raises httpx.TransportError, ProtocolError."""
        self.request.extensions["trace"] = self._watch
        response = await self.client.send(self.request, stream=True)
        try:
            return await _reply(response, self.ask, self.source)
        finally:
            await response.aclose()

    async def _watch(self, event: str, _: Mapping[str, Any]) -> None:
        """Nothing of it can have an effect before its first byte is written."""
        if event.endswith("send_request_headers.started"):
            self.begun = True


def _request(
    client: httpx.AsyncClient, ask: Ask, url: httpx.URL, headers: Mapping[str, str]
) -> httpx.Request:
    with suppress(httpx.InvalidURL, ValueError, TypeError):
        return client.build_request(
            ask.method, url, params=ask.params, json=ask.json, data=ask.form, headers=headers
        )
    raise _unwritable(url)


def _unwritable(url: httpx.URL) -> RejectedError:
    """Return the error for a call that h11 would not begin to write."""
    return RejectedError(f"{escape(url.host)}: the call cannot be written as HTTP", effect="none")


async def _reply(response: httpx.Response, ask: Ask, source: str) -> Reply:
    headers = {key.lower(): value for key, value in response.headers.items()}
    if "transfer-encoding" in headers and "content-length" in headers:
        raise ProtocolError(f"{source} gave two lengths for one reply")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ProtocolError(f"{source} sent its reply encoded, which was not asked for")
    good = is_answer(ask, response.status_code)
    body = bytearray()
    async for chunk in response.stream:  # type: ignore[union-attr]
        body += chunk
        if not good and len(body) > ERROR_CAP:
            break
        if len(body) > ask.cap:
            raise ProtocolError(f"{source} sent more than {ask.cap} bytes")
    if not _is_clean(response):
        await response.extensions["network_stream"].aclose()
    return Reply(response.status_code, headers, bytes(body), source, ask.effect)


def _is_clean(response: httpx.Response) -> bool:
    """Whether nothing came behind the reply, which would be taken for the next one's beginning.

    Nothing public tells; where the way there should change, no connection is used twice.
    """
    way = ("stream", "_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state")
    try:
        state: Any = reduce(getattr, way, response)
    except AttributeError:
        return False
    return not state.trailing_data[0]


def _in_words(error: Exception) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        return f"its certificate is not accepted ({escape(why)}); `ca_file` may name an authority"
    match error:
        case httpx.ConnectTimeout():
            return "no connection in time"
        case httpx.ProxyError():
            return "the proxy did not let the call through"
        case httpx.ConnectError():
            return f"no connection ({escape(text)})"
        case httpx.RemoteProtocolError():
            return "the answer broke off or is no HTTP"
        case _:
            return "the connection broke"


def _source(url: httpx.URL) -> str:
    return escape(f"{url.netloc.decode()}{url.path}")  # with the port, where it is unusual


def _with(params: Mapping[str, Any] | None, url: httpx.URL) -> str:
    return str(url.copy_merge_params(params) if params else url)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
