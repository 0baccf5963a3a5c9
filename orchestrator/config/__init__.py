"""The home directory and its one configuration file."""

from orchestrator.config.home import Home, default_home
from orchestrator.config.load import load, read_config
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
