"""Hold a job against the catalogue before anything is sent; and a run against its job. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath

from orchestrator.backends.drmaatic.model import RunTable, Value
from orchestrator.backends.drmaatic.replies import Entry, Parameter, Record
from orchestrator.document import value_text

FILE, BOOL = "file", "bool"


def fields(table: RunTable) -> list[tuple[str, str]]:
    """Return the text fields of a submit; a switch that is off is not sent.

    The service takes a parameter of type bool that is there for on, whatever its value says.
    """
    return [
        (name, _text(value))
        for name, values in table.parameters.items()
        for value in _each(values)
        if value is not False
    ]


def files(table: RunTable) -> list[tuple[str, str]]:
    """Return the file fields of a submit, each with the name of its input."""
    return [
        (name, one)
        for name, inputs in table.files.items()
        for one in ([inputs] if isinstance(inputs, str) else inputs)
    ]


def problems(entry: Entry, table: RunTable, inputs: Iterable[str]) -> list[str]:
    """Return in words all that the service would not take, or would not tell that it left out."""
    known = {one.name: one for one in entry.param if not one.private}
    return [
        *_of_parameters(known, table),
        *_of_files(known, table, frozenset(inputs)),
        *_missing(known, table),
        *_of_arrays(entry, table),
    ]


def differs(record: Record, table: RunTable) -> str | None:
    """Return in words how a run is not what was asked for, None where it is."""
    if record.task != table.task:
        return f"it runs {value_text(record.task)}, not {value_text(table.task)}"
    taken = Counter((one.name, one.value) for one in record.params)
    for name, text in fields(table):
        if not taken[name, text]:
            return f"parameter {value_text(name)} was not taken as {value_text(text)}"
        taken[name, text] -= 1
    names = Counter(one.name for one in record.params)
    for name, count in Counter(name for name, _ in files(table)).items():
        if names[name] != count:
            return f"parameter {value_text(name)} has {names[name]} of {count} files"
    return None


def _of_parameters(known: Mapping[str, Parameter], table: RunTable) -> Iterator[str]:
    for name, values in table.parameters.items():
        one = known.get(name)
        where = f"parameters.{name}"
        if one is None:
            yield f"{where}: {_no_such(known, name)}"
        elif one.type == FILE:
            yield f"{where}: it is a file: name an input for it under [run.files]"
        else:
            for value in _each(values):
                fault = _fault(one.type, value)
                if fault:
                    yield f"{where}: {fault}"


def _of_files(
    known: Mapping[str, Parameter], table: RunTable, inputs: frozenset[str]
) -> Iterator[str]:
    given = files(table)
    for name in table.files:
        one = known.get(name)
        if one is None:
            yield f"files.{name}: {_no_such(known, name)}"
        elif one.type != FILE:
            yield f"files.{name}: it is no file but of type {one.type}: see [run.parameters]"
    for name, source in given:
        if source not in inputs:
            yield f"files.{name}: there is no input {value_text(source)}"
        elif not _has_extension(source):
            shown = value_text(source)
            yield f"files.{name}: {shown} has no extension, and the service takes no such file"
    left = sorted(inputs - {source for _, source in given})
    if left:
        yield (
            f"given to no parameter: {', '.join(map(value_text, left))}; name each input under"
            " [run.files], or list under [inputs] what the job needs"
        )


def _missing(known: Mapping[str, Parameter], table: RunTable) -> Iterator[str]:
    sent = {name for name, _ in [*fields(table), *files(table)]}
    for one in known.values():
        if one.required and one.name not in sent:
            where = "files" if one.type == FILE else "parameters"
            yield f"{where}.{one.name} is missing: the service requires it ({one.type})"


def _of_arrays(entry: Entry, table: RunTable) -> Iterator[str]:
    if entry.is_array and not table.proof:
        yield (
            "proof is missing: this is an array, and the service tells only how its last element"
            " ended; name files that all elements leave, such as out_*.dat"
        )


def _fault(kind: str, value: Value) -> str | None:
    """Return in words why a parameter of this type does not take a value."""
    if _fits(kind, value):
        return None
    return f"expected a value of type {kind}, found {value_text(value)}"


def _fits(kind: str, value: Value) -> bool:
    if isinstance(value, bool) or kind == BOOL:
        return isinstance(value, bool) and kind in {BOOL, "string"}
    try:
        match kind:
            case "int":
                return "_" not in str(value) and isinstance(int(str(value)), int)
            case "float":
                return "_" not in str(value) and math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False
    return "\0" not in str(value)


def _no_such(known: Mapping[str, Parameter], name: str) -> str:
    if not known:
        return "this entry of the catalogue has no parameters"
    near = get_close_matches(name, known, 1)
    hint = f"; did you mean {value_text(near[0])}?" if near else ""
    return f"no such parameter{hint} (there are {', '.join(known)})"


def _has_extension(name: str) -> bool:
    """Whether the service can tell an extension: all behind the first dot."""
    return bool(PurePosixPath(name).name.partition(".")[2])


def _each(values: Value | Sequence[Value]) -> Sequence[Value]:
    return values if isinstance(values, tuple) else (values,)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
