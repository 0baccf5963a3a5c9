"""Secrets: read from where the configuration says, and never told to anybody."""

import os
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.config import Config, Secret, resolve_secret

CANARY = "canary-5f1c"


def refusal(secret: Secret, env: Mapping[str, str] | None = None) -> str:
    """Return the words in which a secret is refused; the secret is in none of them."""
    with pytest.raises(LookupError) as caught:
        resolve_secret(Config(secrets={"key": secret}), "key", env or {})
    everything = "".join(traceback.TracebackException.from_exception(caught.value).format())
    context: BaseException | None = caught.value
    while context is not None:
        assert CANARY not in repr(context.args)
        context = context.__context__
    assert CANARY not in everything
    said = str(caught.value.args[0])
    return said.removeprefix('the secret "key" cannot be had: ')


def kept(path: Path, content: str | bytes = CANARY, mode: int = 0o600) -> Path:
    """Write a secret to a file."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (CANARY, CANARY),
        (f"{CANARY}\n", CANARY),
        (f"{CANARY}\r\n", CANARY),
        (f"{CANARY}\n\n", f"{CANARY}\n"),
        (f" {CANARY} ", f" {CANARY} "),
        ("pässword", "pässword"),
    ],
)
def test_from_a_file(tmp_path: Path, content: str, value: str) -> None:
    """A login would fail for a line end that an editor put behind the password."""
    config = Config(secrets={"key": Secret(file=str(kept(tmp_path / "key", content)))})
    assert resolve_secret(config, "key", {}) == value


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o777])
def test_a_file_that_others_may_use(tmp_path: Path, mode: int) -> None:
    """Every user of the machine could have read the password, and nobody would have noticed."""
    path = kept(tmp_path / "key", mode=mode)
    assert refusal(Secret(file=str(path))) == f"others may use {path}: run chmod 600 on it"


def test_files_that_are_none(tmp_path: Path) -> None:
    """The daemon would hang on a pipe, or end in a traceback."""
    missing = tmp_path / "missing"
    assert refusal(Secret(file=str(missing))) == f"{missing}: No such file or directory"
    assert refusal(Secret(file=str(tmp_path))) == f"{tmp_path} is not a regular file"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    assert refusal(Secret(file=str(pipe))) == f"{pipe} is not a regular file"


@pytest.mark.parametrize(
    "content", [CANARY.encode() + b"\xff", CANARY.encode() + b"\0", CANARY.encode() * 10_000]
)
def test_files_that_are_no_secret(tmp_path: Path, content: bytes) -> None:
    """Bytes of the wrong file would be sent to a service, or shown in an error."""
    path = kept(tmp_path / "key", content)
    assert refusal(Secret(file=str(path))) == f"{path} is not a short text in UTF-8"


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file(tmp_path: Path, content: str) -> None:
    """A service would be asked with an empty password, and lock the account."""
    path = kept(tmp_path / "key", content)
    assert refusal(Secret(file=str(path))) == "it is empty"


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in the environment could not be used."""
    config = Config(secrets={"key": Secret(env="A_KEY")})
    assert resolve_secret(config, "key", {"A_KEY": CANARY}) == CANARY
    monkeypatch.setenv("A_KEY", "other")
    assert resolve_secret(config, "key") == "other"
    assert refusal(Secret(env="A_KEY")) == "the environment variable A_KEY is not set"
    assert refusal(Secret(env="A_KEY"), {"A_KEY": "", "B": CANARY}) == "it is empty"


def test_from_a_systemd_credential(tmp_path: Path) -> None:
    """A unit with LoadCredential= could not be used."""
    kept(tmp_path / "mail", f"{CANARY}\n", mode=0o440)  # systemd guards its folder
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    config = Config(secrets={"key": Secret(credential="mail")})
    assert resolve_secret(config, "key", env) == CANARY
    said = refusal(Secret(credential="other"), env)
    assert said == f"{tmp_path / 'other'}: No such file or directory"
    said = refusal(Secret(credential="mail"))
    assert said == "the environment variable CREDENTIALS_DIRECTORY is not set"


def test_a_secret_nobody_configured() -> None:
    """A job with a misspelt secret would end in a traceback, or with an odd line in the log."""
    with pytest.raises(LookupError) as caught:
        resolve_secret(Config(), "a\nb")
    assert caught.value.args == ('there is no table [secrets."a\\nb"] in orchestrator.toml',)
