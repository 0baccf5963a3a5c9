"""A tree against a pydantic model: every error becomes a problem with its place."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, JsonValue, ValidationError

from orchestrator.document.expected import expectation
from orchestrator.document.problem import Problem, ProblemsError
from orchestrator.document.source import Document
from orchestrator.document.words import KeyPath, choice, either, quoted, value_text

M = TypeVar("M", bound=BaseModel)


def check(model: type[M], document: Document, at: KeyPath = (), tree: JsonValue | None = None) -> M:
    """Return the model of the table at a path of a document.

    `tree` stands in for that table when given: with defaults filled in, or keys left out. Values
    keep their types: "5" is no number, 1 is not true. A validator of the model that raises
    ValueError says what it expected, in words that begin with "expected "; behind one that runs
    before pydantic's own, the field must be a list, since no JSON value is a tuple or set. Raises
    ProblemsError with everything that is wrong.
    """
    table = _value_at(document.tree, at) if tree is None else tree
    try:
        return model.model_validate_json(json.dumps(table), strict=True)
    except ValidationError as error:
        faults = [_fault(table, entry) for entry in error.errors(include_url=False)]
    raise ProblemsError(_problems(model, document, at, table, faults))


class _Fault(NamedTuple):
    """One error of pydantic: its path in the tree, and the paths at which it took a union apart."""

    path: KeyPath
    unions: frozenset[KeyPath]
    is_key: bool  # the key itself is wrong, not its value
    error: Mapping[str, Any]


def _fault(table: JsonValue, error: Mapping[str, Any]) -> _Fault:
    """Tell the keys in an error's location from what else pydantic puts there."""
    path: KeyPath = ()
    unions = set()
    is_key = False
    for number, part in enumerate(error["loc"], start=1):
        is_last = number == len(error["loc"])
        if _has(_value_at(table, path), part) or (is_last and error["type"] == "missing"):
            path += (part,)
        elif is_last and part == "[key]":
            is_key = True
        else:  # pydantic's name for a member of a union
            unions.add(path)
    if error["type"].startswith("union_tag_"):  # the key that tells which table is meant
        path += (error["ctx"]["discriminator"].strip("'"),)
    return _Fault(path, frozenset(unions), is_key, error)


def _problems(
    model: type[BaseModel], document: Document, at: KeyPath, table: JsonValue, faults: list[_Fault]
) -> Iterator[Problem]:
    """Yield one problem for each path: what the members of a union expected is joined by "or".

    Where one member of a union was entered and failed inside, what the others expected is left
    out: `command = ["a", 5]` is a list with a mistake in it, not a text gone wrong.
    """
    entered = {union for it in faults for union in it.unions if union != it.path}
    by_path: dict[tuple[KeyPath, bool], list[_Fault]] = {}
    for it in faults:
        if it.path not in it.unions or it.path not in entered:
            by_path.setdefault((it.path, it.is_key), []).append(it)
    for (path, is_key), same in by_path.items():
        whole = (*at, *path)
        if any(it.error["type"] == "extra_forbidden" for it in same):
            known = _known_keys(model, path[:-1])
            keys = "one of the keys" if len(known) > 1 else "the key"
            yield document.problem(whole, f"{keys} {choice(known, path[-1])}", "another key")
            continue
        wanted = either(list(dict.fromkeys(expectation(it.error) for it in same)))
        found = quoted(str(path[-1])) if is_key else value_text(_value_at(table, path), whole)
        yield document.problem(whole, wanted, found)


def _value_at(tree: JsonValue, path: KeyPath) -> JsonValue:
    """Return the value at a path, None where there is none."""
    for part in path:
        match tree:
            case dict() if isinstance(part, str):
                tree = tree.get(part)
            case list() if isinstance(part, int) and part < len(tree):
                tree = tree[part]
            case _:
                return None
    return tree


def _has(tree: JsonValue, part: str | int) -> bool:
    if isinstance(tree, dict):
        return part in tree
    return isinstance(tree, list) and isinstance(part, int) and part < len(tree)


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that the table at a path may have, as far as models say."""
    models = [model]
    for part in path:
        fields = [it.model_fields[part] for it in models if part in it.model_fields]
        if fields:  # else: a key of a free table, or a list position
            models = [inner for field in fields for inner in _models_in(field.annotation)]
    return [field.alias or name for it in models for name, field in it.model_fields.items()]


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
