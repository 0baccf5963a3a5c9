"""Where the files of a run lie in the account's storage, and how its inputs refer to them. Pure."""

from collections.abc import Mapping

from pydantic import JsonValue

from orchestrator.backend import Run

REFERENCE = "input"


def folder(root: str, run: Run) -> str:
    """Return the folder that is this run's alone, with a slash at its end."""
    return f"{root}/{run.key}/"


def input_uri(root: str, run: Run, name: str) -> str:
    """Return the address of one of the job's own inputs."""
    return f"{folder(root, run)}in/{name}"


def output_prefix(root: str, run: Run) -> str:
    """Return what the addresses of all outputs begin with, without a slash at its end."""
    return f"{folder(root, run)}out"


def resolved(inputs: Mapping[str, JsonValue], root: str, run: Run) -> dict[str, JsonValue]:
    """Return a run's inputs with every { input = "NAME" } replaced by the address it has there."""
    return {key: _resolved(value, root, run) for key, value in inputs.items()}


def references(inputs: Mapping[str, JsonValue]) -> set[str]:
    """Return the names of the job's own inputs that a run's inputs refer to."""
    return {name for value in inputs.values() for name in _references(value)}


def _resolved(value: JsonValue, root: str, run: Run) -> JsonValue:
    name = _name(value)
    if name is not None:
        return input_uri(root, run, name)
    if isinstance(value, Mapping):
        return {key: _resolved(part, root, run) for key, part in value.items()}
    if isinstance(value, list):
        return [_resolved(part, root, run) for part in value]
    return value


def _references(value: JsonValue) -> set[str]:
    name = _name(value)
    if name is not None:
        return {name}
    if isinstance(value, Mapping):
        return {name for part in value.values() for name in _references(part)}
    if isinstance(value, list):
        return {name for part in value for name in _references(part)}
    return set()


def _name(value: JsonValue) -> str | None:
    """Return the name in { input = "NAME" }, None for anything else."""
    if isinstance(value, Mapping) and set(value) == {REFERENCE}:
        name = value[REFERENCE]
        return name if isinstance(name, str) else None
    return None
