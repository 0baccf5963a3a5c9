"""What people may write about an account."""

import pytest
from pydantic import ValidationError

from orchestrator.backends.http import Account

URL = "https://api.example.org/v1"


@pytest.mark.parametrize(
    "options",
    [
        {"url": "api.example.org"},
        {"url": "ftp://api.example.org"},
        {"url": "https://me:secret@api.example.org"},
        {"url": "https://api.example.org/?key=1"},
        {"url": "https://"},
        {"url": "https://api.example.org:99999"},
        {"url": "https://a b"},
        {"url": URL, "proxy": "proxy.example.org:3128"},
        {"url": URL, "proxy": "https://proxy.example.org"},
        {"url": URL, "ca_file": "ca.pem"},
        {"url": URL, "calls": "many"},
        {"url": URL, "calls": "0/h"},
        {"url": URL, "at_once": 0},
        {"url": URL, "storage_hosts": ["*"]},
        {"url": URL, "storage_hosts": ["a.*.org"]},
        {"url": URL, "storage_hosts": ["https://a.org"]},
        {"url": URL, "private_networks": True},
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, object]) -> None:
    """A slip in the configuration would show only when a job fails."""
    with pytest.raises(ValidationError):
        Account.model_validate(options)


def test_slashes_at_the_end_do_not_matter() -> None:
    """A copied address would lead to paths with two slashes."""
    assert Account(url=f"{URL}//").url == URL
