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


def resolved(value: JsonValue, root: str, run: Run) -> JsonValue:
    """Return a run's inputs with every { input = "NAME" } replaced by the address it has there."""
    if isinstance(value, Mapping):
        if set(value) == {REFERENCE} and isinstance(name := value[REFERENCE], str):
            return input_uri(root, run, name)
        return {key: resolved(part, root, run) for key, part in value.items()}
    if isinstance(value, list):
        return [resolved(part, root, run) for part in value]
    return value


def references(value: JsonValue) -> set[str]:
    """Return the names of the job's own inputs that a run's inputs refer to."""
    if isinstance(value, Mapping):
        if set(value) == {REFERENCE} and isinstance(name := value[REFERENCE], str):
            return {name}
        return {name for part in value.values() for name in references(part)}
    if isinstance(value, list):
        return {name for part in value for name in references(part)}
    return set()
