"""Services whose certificate is, or is not, what it should be."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme

from orchestrator.backend import TransientError
from orchestrator.backends.http import Account, Ask, Use, open_door
from orchestrator.backends.http.trust import tls
from tests.http.conftest import OpenDoor
from tests.http.rogue import answer, rogue, sends

ASK = Ask("POST", "/run", Use.SUBMIT, reads=False, limit=5)
YESTERDAY = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority of one's own institute."""
    return trustme.CA()


def context(issuer: trustme.CA, name: str, until: dt.datetime | None = None) -> ssl.SSLContext:
    """Return a server's side with a certificate for a name."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(name, not_after=until).configure_cert(made)
    return made


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    """The authority's certificate as people have it."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


async def test_an_authority_of_ones_own_may_be_added(
    authority: trustme.CA, ca_file: str, door: OpenDoor
) -> None:
    """A service of one's own institute could not be used."""
    with rogue(sends(answer()), context(authority, "127.0.0.1")) as server:
        async with door(server.url, ca_file=ca_file) as it:
            assert (await it.call(ASK)).json() == {}


@pytest.mark.parametrize("case", ["another name", "expired", "an unknown authority"])
async def test_a_wrong_certificate_ends_the_call_before_anything_is_sent(
    case: str, authority: trustme.CA, ca_file: str, door: OpenDoor
) -> None:
    """Whoever is on the way would get the account's key."""
    match case:
        case "another name":
            wrong = context(authority, "other.example.org")
        case "expired":
            wrong = context(authority, "127.0.0.1", YESTERDAY)
        case _:
            wrong = context(trustme.CA(), "127.0.0.1")
    with rogue(sends(answer()), wrong) as server:
        async with door(server.url, ca_file=ca_file) as it:
            with pytest.raises(TransientError, match="its certificate is not accepted") as caught:
                await it.call(ASK)
    assert caught.value.effect == "none"
    assert server.seen == []


async def test_the_environment_names_no_authority(
    authority: trustme.CA, ca_file: str, door: OpenDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sets a variable could pass for any service."""
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_file)
    with rogue(sends(answer()), context(authority, "127.0.0.1")) as server:
        async with door(server.url) as it:
            with pytest.raises(TransientError, match="certificate"):
                await it.call(ASK)


async def test_a_useless_ca_file_is_named(tmp_path: Path) -> None:
    """A person could not tell why no service is trusted."""
    (tmp_path / "ca.pem").write_text("no certificate")
    account = Account(url="https://127.0.0.1", ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(OSError, match=r"ca\.pem"):
        async with open_door(account, tmp_path, name="cloud"):
            pass


def test_old_tls_is_not_spoken() -> None:
    """What is sent could be read with yesterday's attacks."""
    made = tls(None)
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert made.check_hostname
    assert made.verify_mode == ssl.CERT_REQUIRED
    assert made.keylog_filename is None
