"""Where secrets come from. Nothing here puts one into an error, a log or a file."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from orchestrator.config.model import Config, Secret

_LARGEST = 64 * 1024  # bytes; a key with its certificates is smaller
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def resolve_secret(config: Config, name: str, env: Mapping[str, str] = os.environ) -> str:
    """Return the secret that the configuration calls by this name, without its last line end.

    Raises LookupError with a text for people, which never contains the secret.
    """
    if name not in config.secrets:
        raise LookupError(
            f"there is no secret named {name!r}: orchestrator.toml needs a table [secrets.{name}]"
        )
    try:
        value = _read(config.secrets[name], env)
    except OSError as error:
        raise LookupError(f"the secret {name!r} cannot be read: {error.strerror}") from None
    except LookupError as error:
        raise LookupError(f"the secret {name!r} cannot be read: {error}") from None
    return value
