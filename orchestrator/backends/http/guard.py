"""Which presigned addresses are followed: a service must not lead us into our own network."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from orchestrator.backend import ProtocolError, TransientError
from orchestrator.backends.http.storage import Storage
from orchestrator.log import shorten

_NAME = re.compile(
    r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.ASCII
)
_AS_NUMBER = re.compile(r"(\d+|0x[0-9a-f]*)", re.ASCII)  # the last part of 0x7f.1: no name ends so
_USUAL = {"http": 80, "https": 443}
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT
            "192.0.0.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "240.0.0.0/4",
            "::/96",
            "::ffff:0:0/96",  # IPv4 in other clothes, here and below
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "2001::/32",
            "2002::/16",
            "fec0::/10",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be followed: connect to one of `addresses`, and nowhere else.

    It is empty behind a proxy, which looks the name up itself. `shown` names it for messages.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Host, unusual port and the beginning of the path; the query signs, so it is a secret."""
        return shorten(f"{self.authority}{self.path.partition('?')[0]}", 120)

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL[self.scheme] else f"{host}:{self.port}"


def followed(url: str, where: Storage) -> Target:
    """Return where a presigned address leads, looked up once.

    Raises ProtocolError when it leads where it may not, TransientError when its host cannot be
    looked up now.
    """
    scheme, host, port, path = _parts(url, private=where.private)
    if not any(_fits(pattern, host) for pattern in where.hosts):
        raise _refused(
            f"{shorten(host, 80)} is not among the hosts of its storage"
            " (`storage_hosts` names those that are trusted)"
        )
    addresses = () if where.proxy else _looked_up(host, port, private=where.private)
    return Target(scheme, host, port, path, addresses)


def own(url: str, where: Storage) -> Target:
    """Return the way to an address of the account's own service, which a person configured.

    So it may lie anywhere. Raises TransientError when its host cannot be looked up now.
    """
    parts = urlsplit(url)
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    host, port = parts.hostname or "", parts.port or _USUAL[scheme]
    addresses = () if where.proxy else _looked_up(host, port, private=True)
    return Target(scheme, host, port, _path(parts), addresses)


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _parts(url: str, *, private: bool) -> tuple[Literal["http", "https"], str, int, str]:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _refused("it is no URL") from None
    if not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>'):
        raise _refused("it holds characters that no URL has")
    if parts.scheme not in ({"http", "https"} if private else {"https"}):
        raise _refused(f"it is no https: {shorten(parts.scheme, 20)}")
    if "@" in parts.netloc:
        raise _refused("it names a user")
    if not _is_literal(host) and (
        not _NAME.fullmatch(host) or _AS_NUMBER.fullmatch(host.rpartition(".")[2])
    ):
        raise _refused(f"{shorten(host, 80)} is no plain name of a host")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return scheme, host, port or _USUAL[scheme], _path(parts)


def _is_literal(host: str) -> bool:
    try:
        return "%" not in host and str(ipaddress.ip_address(host)) == host
    except ValueError:
        return False


def _fits(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern.strip("[]")


def _looked_up(host: str, port: int, *, private: bool) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TransientError(f"{host}: its address is not known", effect="none") from None
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and not all(map(_is_public, addresses)):
        raise _refused(f"{host} leads into a private network")
    return addresses


def _is_public(address: str) -> bool:
    if "%" in address:
        return False  # a zone: of a link of this machine
    ip = ipaddress.ip_address(address)
    inside = any(ip.version == net.version and ip in net for net in _NEVER)
    return ip.is_global and not ip.is_multicast and not inside


def _refused(why: str) -> ProtocolError:
    return ProtocolError(f"the service named an address that is not followed: {why}", effect="none")
