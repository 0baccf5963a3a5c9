"""Presigned addresses that lead where nothing of ours may go."""

import socket
import ssl
from typing import Any

import pytest

from orchestrator.backend import ProtocolError
from orchestrator.backends.http.guard import followed
from orchestrator.backends.http.storage import Storage


def storage(*hosts: str, private: bool = False) -> Storage:
    """Return what an account allows."""
    return Storage(hosts, private, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


SPELLINGS = [
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://0x7f.1/x",
    "https://0x7f000001/x",
    "https://0177.0.0.1/x",
    "https://127.0.0.1./x",
    "https://localhost/x",
    "https://localhost./x",
    "https://[::1]/x",
    "https://[::]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::ffff:7f00:1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://[64:ff9b:1::7f00:1]/x",
    "https://[2002:7f00:1::]/x",
    "https://[2001:0:7f00:1::]/x",
    "https://[fe80::1%25lo]/x",
    "https://[fe80::1%lo]/x",
    "https://[fd00::1]/x",
    "https://[fec0::1]/x",
    "https://[ff02::1]/x",
    "https://100.64.0.1/x",
    "https://192.0.0.8/x",
    "https://10.0.0.1/x",
    "https://169.254.169.254/latest/meta-data",
    "https://172.16.0.1/x",
    "https://192.168.0.1/x",
    "https://198.18.0.1/x",
    "https://0.0.0.0/x",
    "https://224.0.0.1/x",
    "https://255.255.255.255/x",
    "https://\uff11\uff12\uff17.0.0.1/x",
    "https://①②⑦.0.0.1/x",
    "https://127。0。0。1/x",
    "https://user@127.0.0.1/x",
    "https://127.0.0.1:99999/x",
    "https://a b/x",
    "https:///x",
    "https://[/x",
    "http://storage.example.org/x",
    "ftp://storage.example.org/x",
    "file:///etc/passwd",
    "//127.0.0.1/x",
    "https://storage.example.org\r\nX: y/x",
]


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_spelling_leads_into_a_private_network(url: str) -> None:
    """A compromised service would have us read what only this machine can reach."""
    host = url.partition("//")[2].partition("/")[0].strip("[]")
    everything = ("*.1", "*.org", "*.8", "*.0.1", "localhost", host, host.lower(), "::1", "*.254")
    with pytest.raises(ProtocolError) as caught:
        followed(url, storage(*everything))
    assert caught.value.effect == "none"


@pytest.mark.parametrize(
    "host",
    [
        "evil.org",
        "storage.example.org.evil.org",
        "evilexample.org",
        "example.org",
        "storage.example.org@evil.org",
        "storage.example.org.",
    ],
)
def test_only_listed_hosts_are_followed(host: str) -> None:
    """A service could send our files to anybody."""
    with pytest.raises(ProtocolError):
        followed(f"https://{host}/x?sig=SECRET", storage("*.example.org", private=True))


def test_every_address_of_a_host_must_be_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address would get in every other time."""

    def both(*_: Any, **__: Any) -> list[Any]:
        return [
            (2, 1, 6, "", ("93.184.215.14", 443)),
            (2, 1, 6, "", ("192.168.1.1", 443)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(ProtocolError, match="private network"):
        followed("https://a.example.org/x", storage("*.example.org"))
    allowed = followed("https://a.example.org/x", storage("*.example.org", private=True))
    assert allowed.addresses == ("93.184.215.14", "192.168.1.1")


def test_the_address_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second answer of the name service could differ from the one that was judged."""
    asked = []

    def once(host: str, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", ("93.184.215.14", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", once)
    target = followed("https://A.example.org:8443/x?sig=SECRET", storage("*.example.org"))
    assert target.addresses == ("93.184.215.14",)
    assert target.authority == "a.example.org:8443"
    assert "SECRET" not in target.shown
    assert asked == ["a.example.org"]
