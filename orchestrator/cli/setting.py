"""The configuration of a home, as the daemon would read it."""

from orchestrator.backends.http import read_budgets, read_standing
from orchestrator.cli.fault import Fault
from orchestrator.config import Config, Home, load
from orchestrator.config.room import room_at
from orchestrator.document import ProblemsError
from orchestrator.log.escape import escape
from orchestrator.registry import kinds


def config_of(home: Home) -> Config:
    """Return the configuration. Raises ProblemsError with everything that is wrong with it."""
    return load(home, {name: kind.options for name, kind in kinds().items()})


def sound_config(home: Home) -> Config:
    """Return the configuration. Raises Fault with everything that is wrong with it."""
    try:
        return config_of(home)
    except ProblemsError as error:
        raise Fault("\n".join(escape(str(problem)) for problem in error.problems)) from None


def lack_of(home: Home) -> str | None:
    """Say what keeps anything new from beginning on this home's disk; None: nothing does."""
    try:
        keep_free = config_of(home).results.keep_free
    except ProblemsError:
        keep_free = 0
    return room_at(home.root, keep_free).short


def room_of(home: Home, backend: str) -> int | str:
    """Return how many runs a backend takes at once, or in words why that cannot be said."""
    try:
        configured = config_of(home).backends.get(backend)
    except ProblemsError:
        return "a configuration without mistakes; `orchestrator doctor` lists them"
    if configured is None:
        return f"a backend {backend} in orchestrator.toml, which has none of that name"
    return kinds()[configured.kind].max_runs(configured.options)


def held_back(home: Home, backend: str) -> list[str]:
    """Say what is held back at a backend's account: what its HTTP ground keeps in its folder."""
    return read_standing(home.backend(backend))


def budgets(home: Home, backend: str) -> list[str]:
    """Say how many calls a backend's account may make and has made, as `held_back` does."""
    return read_budgets(home.backend(backend))


def is_configured(home: Home, backend: str) -> bool:
    """Whether the configuration has this backend; one with mistakes is said elsewhere."""
    try:
        return backend in config_of(home).backends
    except ProblemsError:
        return True
