"""The configuration of a home, as the daemon would read it."""

from orchestrator.config.home import Home
from orchestrator.config.load import load
from orchestrator.config.model import Config
from orchestrator.core.spec import JobSpec
from orchestrator.document import ProblemsError, read_spec
from orchestrator.registry import kinds


def config_of(home: Home) -> Config:
    """Return the configuration. Raises ProblemsError with everything that is wrong with it."""
    return load(home, {name: kind.options for name, kind in kinds().items()})


def spec_of(config: Config, data: bytes, file: str, default_name: str) -> JobSpec:
    """Return the job that a file's bytes describe. Raises ProblemsError."""
    known = kinds()
    models = {name: known[backend.kind].run for name, backend in config.backends.items()}
    return read_spec(data, file, models, default_name=default_name)


def room_of(home: Home, backend: str) -> int | str:
    """Return how many runs a backend takes at once, or in words why that cannot be said."""
    try:
        configured = config_of(home).backends.get(backend)
    except ProblemsError:
        return "a configuration without mistakes; `orchestrator doctor` lists them"
    if configured is None:
        return f"a backend {backend} in orchestrator.toml, which has none of that name"
    return kinds()[configured.kind].max_runs(configured.options)
