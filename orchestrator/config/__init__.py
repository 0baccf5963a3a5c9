"""The home directory and its one configuration file.

`Home` is there at once; the rest is imported when it is first asked for: pydantic's models take
most of a second to build, and `orchestrator status` has no use for them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchestrator.config.home import Home, default_home

if TYPE_CHECKING:
    from orchestrator.config.loading import load, read_config
    from orchestrator.config.model import (
        Config,
        ConfiguredBackend,
        Log,
        Results,
        Secret,
        Spool,
        Upkeep,
    )
    from orchestrator.config.resolve import resolve_secret
    from orchestrator.config.schema import config_schema

_MODULES = {
    "loading": ("load", "read_config"),
    "model": ("Config", "ConfiguredBackend", "Log", "Results", "Secret", "Spool", "Upkeep"),
    "resolve": ("resolve_secret",),
    "schema": ("config_schema",),
}

__all__ = [
    "Config",
    "ConfiguredBackend",
    "Home",
    "Log",
    "Results",
    "Secret",
    "Spool",
    "Upkeep",
    "config_schema",
    "default_home",
    "load",
    "read_config",
    "resolve_secret",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
