"""Hold a job's values against what the service lists, before anything is sent. Pure.

The service itself checks nothing: it takes a text for a number, any unit, a value out of range, and
a value for an output, and answers that all is well.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from pydantic import JsonValue

from orchestrator.backends.sostrades.model import Given, RunTable
from orchestrator.backends.sostrades.replies import Listed
from orchestrator.document import value_text

SCALARS: Mapping[str, tuple[type, ...]] = {
    "float": (int, float), "int": (int,), "bool": (bool,), "string": (str,), "dict": (dict,),
}  # fmt: skip
LISTS: Mapping[str, str | None] = {
    "list": None, "float_list": "float", "int_list": "int", "string_list": "string",
}  # fmt: skip
ONLY_TABLES = frozenset({"dataframe", "array"})
"""What is given as a CSV alone: a list that is sent for an array stays one, and is refused when the
calculation begins."""
TABLES = ONLY_TABLES | {"dict", *LISTS}  # what a CSV may be given for
MOST_FAULTS = 20  # that are told; the others are counted


def problems(
    table: RunTable, inputs: Iterable[str], listed: Mapping[str, Listed] | None
) -> list[str]:
    """Return in words all that is wrong with a job; `listed` is None where nothing can be listed.

    What the service does not list is not called wrong unless it lists its other variables.
    """
    found = [*_of_inputs(table, frozenset(inputs))]
    for name, given in table.parameters.items():
        where = f"parameters.{value_text(name)}"
        found += [f"{where}: {why}" for why in _of_value(name, given, listed)]
    for name in table.tables:
        where = f"tables.{value_text(name)}"
        found += [f"{where}: {why}" for why in _of_table(name, listed)]
    for name in table.values:
        if listed is not None and name not in listed and _lists_outputs(listed):
            found.append(f"values: {_no_such(name, listed)}")
    more = len(found) - MOST_FAULTS
    return [*found[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])]


def to_send(given: Given, listed: Listed | None) -> JsonValue:
    """Return a value as its type needs it: a whole number given for a float is sent as one."""
    kind = given.type or (listed.type if listed else None)
    if kind == "float" and isinstance(given.value, int) and not isinstance(given.value, bool):
        return float(given.value)
    if isinstance(given.value, list) and LISTS.get(kind or "") == "float":
        return [float(one) if isinstance(one, int) else one for one in given.value]
    return given.value


def fits(kind: str, value: JsonValue) -> bool:
    """Whether a value is of a type of the service; one of a type that is not known is."""
    if kind in SCALARS:
        return isinstance(value, SCALARS[kind]) and isinstance(value, bool) == (kind == "bool")
    if kind not in LISTS:
        return kind not in ONLY_TABLES
    each = LISTS[kind]
    return isinstance(value, list) and (each is None or all(fits(each, one) for one in value))


def _of_inputs(table: RunTable, inputs: frozenset[str]) -> Iterator[str]:
    for name, source in table.tables.items():
        if name in table.parameters:
            yield f"{value_text(name)} is given twice: under [run.parameters] and [run.tables]"
        if source not in inputs:
            yield f"tables.{value_text(name)}: there is no input {value_text(source)}"
    left = sorted(inputs - set(table.tables.values()))
    if left:
        yield (
            f"given to no variable: {', '.join(map(value_text, left))}; name each input under"
            " [run.tables], or list under [inputs] what the job needs"
        )


def _of_value(name: str, given: Given, listed: Mapping[str, Listed] | None) -> Iterator[str]:
    if given.type is not None and not fits(given.type, given.value):
        yield f"expected a value of type {given.type}, found {value_text(given.value)}"
        return
    if listed is None:
        return
    one, fault = _input(name, listed)
    if one is None:
        yield fault
    elif given.type is not None and not _alike(given.type, one.type):
        yield f"the service says that it is of type {one.type}, not {given.type}"
    elif one.type in ONLY_TABLES:
        yield f"it is of type {one.type}: give a CSV for it under [run.tables]"
    elif not fits(one.type, given.value):
        yield f"expected a value of type {one.type}, found {value_text(given.value)}"
    else:
        yield from _of_limits(given, one)


def _of_limits(given: Given, one: Listed) -> Iterator[str]:
    if given.unit is not None and given.unit != one.unit:
        unit = "no unit" if one.unit is None else f"the unit {value_text(one.unit)}"
        yield f"its unit is given as {value_text(given.unit)}, and the service lists {unit}"
    each = given.value if isinstance(given.value, list) else [given.value]
    if one.possible and not all(value in one.possible for value in each):
        choices = ", ".join(map(value_text, one.possible[:10]))
        yield f"{value_text(given.value)} is none of its possible values: {choices}"
    if one.range and len(one.range) == 2:  # noqa: PLR2004 - the least and the greatest
        least, most = one.range
        numbers = [value for value in each if isinstance(value, int | float)]
        if isinstance(least, int | float) and any(value < least for value in numbers):
            yield f"{value_text(given.value)} is below its range, which begins at {least}"
        if isinstance(most, int | float) and any(value > most for value in numbers):
            yield f"{value_text(given.value)} is above its range, which ends at {most}"


def _of_table(name: str, listed: Mapping[str, Listed] | None) -> Iterator[str]:
    if listed is None:
        return
    one, fault = _input(name, listed)
    if one is None:
        yield fault
    elif one.type not in TABLES:
        yield f"it is no table but of type {one.type}: give its value under [run.parameters]"


def _input(name: str, listed: Mapping[str, Listed]) -> tuple[Listed | None, str]:
    """Return what is listed of an input, or None, and in words why it is none."""
    one = listed.get(name)
    if one is None:
        return None, _no_such(name, listed)
    if one.io == "out":
        return None, "it is an output: the calculation sets it"
    return one, ""


def _alike(told: str, listed: str) -> bool:
    """Whether two types are the same, or names for it: the service has several for a list."""
    return told == listed or {told, listed} <= set(LISTS)


def _lists_outputs(listed: Mapping[str, Listed]) -> bool:
    return any(one.io == "out" for one in listed.values())


def _no_such(name: str, listed: Mapping[str, Listed]) -> str:
    near = get_close_matches(name, listed, 1)
    hint = f"; did you mean {value_text(near[0])}?" if near else ""
    return f"the study has no variable {value_text(name)}{hint}"
