"""Where presigned addresses may lead, and what is asked of the line there."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from orchestrator.backend import TransientError
from orchestrator.backends.http.account import Account
from orchestrator.backends.http.trust import tls

KIB = 1 << 10
PATIENCE, HEAD_LIMIT, WINDOW = 30.0, 60.0, 30.0  # seconds; see Storage


class ExpiredError(TransientError):
    """A presigned address is not good any more: ask the service for a fresh one."""


@dataclass(frozen=True, slots=True)
class Storage:
    """What an account allows for addresses that its service names.

    `hosts` are patterns such as "*.example.org". `private` allows plain http and addresses of
    one's own network. `proxy` is host and port. `patience` is how long (seconds) nothing may
    come, `head_limit` how long it may take until a reply begins; over each `window` seconds of
    waiting for the other side, at least `least_rate` bytes a second must pass.
    """

    hosts: tuple[str, ...]
    private: bool
    tls: ssl.SSLContext
    proxy: tuple[str, int] | None = None
    patience: float = field(default_factory=lambda: PATIENCE)
    head_limit: float = field(default_factory=lambda: HEAD_LIMIT)
    window: float = field(default_factory=lambda: WINDOW)
    least_rate: float = KIB


def storage_of(account: Account) -> Storage:
    """Return what an account's options say of its storage. Raises OSError for its `ca_file`."""
    proxy = urlsplit(account.proxy) if account.proxy else None
    return Storage(
        hosts=account.storage_hosts or (urlsplit(account.url).hostname or "",),
        private=account.private_network,
        tls=tls(account.ca_file),
        proxy=(proxy.hostname, proxy.port or 80) if proxy and proxy.hostname else None,
    )
