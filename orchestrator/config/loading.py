"""orchestrator.toml to a checked configuration, with everything that is wrong with it at once."""

from collections.abc import Mapping

from pydantic import BaseModel, JsonValue

from orchestrator.config.home import Home
from orchestrator.config.model import Config, ConfiguredBackend
from orchestrator.core.spec import check_name
from orchestrator.document import (
    Document,
    Problem,
    ProblemsError,
    check,
    choice,
    collected,
    parse,
    quoted,
    value_text,
    wanted,
)

DEFAULT_BACKENDS: dict[str, JsonValue] = {"local": {"kind": "local"}}

Kinds = Mapping[str, type[BaseModel]]
"""For each kind of backend the model of its options."""


def load(home: Home, kinds: Kinds) -> Config:
    """Return the configuration of a home; without a file, all defaults. Raises ProblemsError."""
    file = str(home.config)
    if home.config.exists() and not (home.config.is_file() or home.config.is_dir()):
        raise ProblemsError([Problem(file, 1, 1, "", "a regular file", "something else")])
    try:
        data = home.config.read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not home.config.is_symlink():
            return read_config(b"", file, kinds)
        problem = Problem(file, 1, 1, "", "a file that can be read", str(error.strerror))
        raise ProblemsError([problem]) from None
    return read_config(data, file, kinds)


def read_config(data: bytes, file: str, kinds: Kinds) -> Config:
    """Return the configuration that a file's bytes describe. Raises ProblemsError."""
    document = parse(data, file)
    problems: list[Problem] = []
    config = Config()
    with collected(problems):
        config = check(Config, document, tree=document.tree | {"backends": {}})
    backends = _backends(document, kinds, problems)
    if problems:
        raise ProblemsError(problems)
    return config.model_copy(update={"backends": backends})


def _backends(
    document: Document, kinds: Kinds, problems: list[Problem]
) -> dict[str, ConfiguredBackend]:
    """Return the backends that are well configured; add what is wrong with the others."""
    tables = document.tree.get("backends") or DEFAULT_BACKENDS
    if not isinstance(tables, dict):
        problems.append(document.problem(("backends",), "a table", value_text(tables)))
        return {}
    backends = {}
    for name, table in tables.items():
        path = ("backends", name)
        try:
            check_name(name)
        except ValueError as error:
            problems.append(document.problem(path, wanted(error), quoted(name)))
        kind = table.get("kind") if isinstance(table, dict) else None
        if not isinstance(table, dict):
            problems.append(document.problem(path, "a table", value_text(table)))
        elif not isinstance(kind, str) or kind not in kinds:
            expected = f"one of the kinds of backend: {choice(kinds, kind)}"
            problems.append(document.problem((*path, "kind"), expected, value_text(kind)))
        else:
            options = {key: value for key, value in table.items() if key != "kind"}
            with collected(problems):
                checked = check(kinds[kind], document, path, options)
                backends[name] = ConfiguredBackend(kind=kind, options=checked)
    return backends
