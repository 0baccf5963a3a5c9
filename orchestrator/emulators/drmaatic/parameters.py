"""The parameters of a submission: what is taken of a form, and what the program is given."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.emulators.drmaatic.answers import RefusalError, detail
from orchestrator.emulators.drmaatic.bodies import Form, Upload
from orchestrator.emulators.drmaatic.catalogue import Parameter

LONGEST = 5000  # characters of a value
MAPPING = "files.json"


@dataclass(slots=True)
class Passed:
    """What was taken so far; `forgotten`: the submission was refused so that no row is left."""

    values: list[tuple[Parameter, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    forgotten: bool = False

    @property
    def told(self) -> list[dict[str, str]]:
        """What a record says of it."""
        return [{"name": it.name, "value": text} for it, text in self.values if not it.private]

    def words(self) -> list[str]:
        """Return the arguments of the program, in the order of their flags."""
        found = []
        flagged = [(it.flag, it, text) for it, text in self.values if it.flag is not None]
        for flag, parameter, text in sorted(flagged, key=lambda it: it[0]):
            if flag.endswith("="):
                found.append(f"{flag}{text}")
            elif parameter.type == "bool" and flag:
                found.append(flag)
            else:
                found += [flag, text] if flag else [text]
        return found


def pass_on(
    wanted: Sequence[Parameter], entry: str, form: Form, passed: Passed, folder: Path
) -> None:
    """Take the parameters of an entry from a form, and put the files into the run's folder.

    Raises RefusalError; TypeError for a text where a file belongs, and the other way round.
    """
    for parameter in wanted:
        values = form.fields.get(parameter.name, [])
        if parameter.private:
            passed.values.append((parameter, parameter.default))
        elif not values and parameter.required:
            passed.forgotten = True
            text = f"The parameter {parameter.name} must be specified for the {entry} task"
            raise detail(406, text)
        elif parameter.type == "file":
            _take_files(parameter, values, passed, folder)
        else:
            _take_texts(parameter, values, passed)
    if passed.files:
        _note(passed.files, folder)


def _take_texts(parameter: Parameter, values: Sequence[str | Upload], passed: Passed) -> None:
    texts = [_text(value) for value in values]
    if any(len(text) > LONGEST for text in texts):
        text = f"The value for the parameter {parameter.name} is too long"
        raise detail(406, f"{text}, the maximum permitted length is {LONGEST}")
    for text in texts:
        try:
            {"int": int, "float": float}.get(parameter.type, str)(text)
        except ValueError:
            passed.forgotten = True
            said = f"The value for the {parameter.name} parameter has to be of type"
            raise RefusalError(400, [f"{said} {parameter.type}"]) from None
        passed.values.append((parameter, text))


def _take_files(
    parameter: Parameter, values: Sequence[str | Upload], passed: Passed, folder: Path
) -> None:
    if values and not any(values):
        raise detail(406, f"The file for the parameter {parameter.name} was not uploaded")
    for number, value in enumerate(values):
        if not isinstance(value, Upload):
            raise TypeError
        _, dot, extension = value.name.partition(".")
        if not dot:
            raise detail(406, f"The file parameter {parameter.name} must have a file extension")
        mark = f"_{number}" if len(values) > 1 else ""
        name = f"{parameter.name}{mark}.{extension}"
        (folder / name).write_bytes(value.data)
        passed.files[name] = value.name
        passed.values.append((parameter, name))


def _note(files: dict[str, str], folder: Path) -> None:
    """Write down which file had which name, beside what a parent noted there before."""
    path = folder / MAPPING
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps(before | files), "utf-8")


def _text(value: str | Upload) -> str:
    if isinstance(value, Upload):
        raise TypeError
    return value
