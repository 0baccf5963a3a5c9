"""Where secrets are read. Nothing here puts one into an error, a log or a file."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from orchestrator.config.model import Config
from orchestrator.document import quoted

_LARGEST = 64 * 1024  # bytes: more than a key with all its certificates
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def resolve_secret(config: Config, name: str, env: Mapping[str, str] = os.environ) -> str:
    """Return the secret that the configuration calls by this name, without its last line end.

    Raises LookupError with a text for people, which never contains the secret.
    """
    if (secret := config.secrets.get(name)) is None:
        raise LookupError(f"there is no table [secrets.{quoted(name)}] in orchestrator.toml")
    try:
        if secret.env is not None:
            value = _variable(env, secret.env)
        elif secret.file is not None:
            value = _content(Path(secret.file), private=True)
        else:
            folder = _variable(env, "CREDENTIALS_DIRECTORY")  # set by systemd, which guards it
            value = _content(Path(folder, str(secret.credential)), private=False)
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
    except LookupError as error:
        why = str(error.args[0])
    else:
        if value:
            return value
        why = "it is empty"
    raise LookupError(f"the secret {quoted(name)} cannot be had: {why}")


def _variable(env: Mapping[str, str], name: str) -> str:
    if name not in env:
        raise LookupError(f"the environment variable {name} is not set")
    return env[name]


def _content(path: Path, *, private: bool) -> str:
    # Without O_NONBLOCK, opening a pipe would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise LookupError(f"{path} is not a regular file")
        if private and mode & _OTHERS:
            raise LookupError(f"others may use {path}: run chmod 600 on it")
        data = os.read(descriptor, _LARGEST + 1)
    finally:
        os.close(descriptor)
    text = data.decode("utf-8", errors="replace")  # an error would carry the bytes along
    if len(data) > _LARGEST or "\ufffd" in text or "\0" in text:
        raise LookupError(f"{path} is not a short text in UTF-8")
    return text.removesuffix("\n").removesuffix("\r")
