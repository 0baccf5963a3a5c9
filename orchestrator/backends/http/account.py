"""What every configured HTTP service has: where it is, how to get there, and how politely."""

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema

from orchestrator.core.spec import Table

_RATE = re.compile(r"(\d{1,9}) ?/ ?(s|min|h|d)", re.ASCII)
_PERIODS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_RATE_FORM = 'expected a number of calls a period, such as "600/min" or "100/h"'
_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[?[0-9a-f:.]+\]?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in any `period` (seconds)."""

    calls: int
    period: float


def parse_rate(text: str) -> Rate:
    """Return what "100/h" means; raise ValueError, saying what was expected, for other text."""
    found = _RATE.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise ValueError(_RATE_FORM)
    return Rate(int(found[1]), _PERIODS[found[2]])


def _check_rate(text: str) -> str:
    parse_rate(text)
    return text.strip()


def _check_url(text: str) -> str:
    form = 'expected an address such as "https://api.example.org/v1", without user, "?" and "#"'
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        sound = None
    if not sound or not text.isprintable() or set(text) & set(" @?#\\"):
        raise ValueError(form)
    return text.rstrip("/")


def _check_proxy(text: str) -> str:
    if not text.startswith("http://"):
        raise ValueError('expected an HTTP proxy such as "http://proxy.example.org:3128"')
    return _check_url(text)


def _check_file(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise ValueError("expected an absolute path")
    return text


def _check_host(text: str) -> str:
    if _HOST.fullmatch(text.lower()) is None:
        raise ValueError('expected a host such as "data.example.org" or "*.example.org"')
    return text.lower()


Url = Annotated[
    str,
    AfterValidator(_check_url),
    WithJsonSchema({"type": "string", "pattern": r"^https?://[^\s@?#\\]+$"}),
]
ProxyUrl = Annotated[
    str,
    AfterValidator(_check_proxy),
    WithJsonSchema({"type": "string", "pattern": r"^http://[^\s@?#\\]+$"}),
]
CallRate = Annotated[
    str,
    AfterValidator(_check_rate),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d+ ?/ ?(s|min|h|d)\s*$"}),
]
HostPattern = Annotated[str, AfterValidator(_check_host)]
CertificateFile = Annotated[
    str, AfterValidator(_check_file), WithJsonSchema({"type": "string", "pattern": "^/"})
]


class Account(Table):
    """The keys that all kinds of HTTP service share."""

    url: Url
    """The address below which the service answers, such as https://api.example.org/v1."""
    proxy: ProxyUrl | None = None
    """The HTTP proxy on the way to it; without it the service is called directly. Proxies that the
    environment names are not used."""
    ca_file: CertificateFile | None = None
    """A file of certificates (PEM) to trust beside those of the system."""
    calls: CallRate | None = None
    """How many calls the service allows, such as "600/min"; what it says itself is kept, too."""
    at_once: int = Field(default=4, ge=1, le=64)
    """How many calls may be under way at once."""
    storage_hosts: tuple[HostPattern, ...] = ()
    """Hosts that files may be sent to and fetched from when the service names an address of its
    storage, such as "*.example.org". Without any: the host of `url`."""
    private_network: bool = False
    """The service is on a network of one's own: its storage may have private addresses and plain
    http."""
