"""The applications: what they take, which steps they have, and the program that does the work."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RAILWAY = Path(__file__).with_name("railway.py")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")  # of a file beside a script
HELLO = "import pathlib; pathlib.Path('hello.txt').write_text('Hello world!\\n')"


@dataclass(frozen=True, slots=True)
class App:
    """One application.

    `inputs` are JSON Schema properties; one whose format is "uri", or whose values have it,
    names files. `steps` are its own steps; the last runs `command`. `text` is its page.
    """

    domain: str
    name: str
    text: str
    inputs: Mapping[str, Any]
    required: tuple[str, ...]
    steps: tuple[str, ...]
    command: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name in which licences are written."""
        return f"{self.domain}@{self.name}"


URI = {"type": "string", "format": "uri"}
APPS = (
    App(
        "sncf_reseau",
        "railway_track_regression",
        "Regression on a pair of rails, generating an Alignment Geometry.\n\n"
        "rails: CSV with the columns s,x_left,y_left,x_right,y_right, all in metres.\n"
        "degree: degree of the polynomials in s (default 3).\n"
        "The output alignment.json holds the centre line's coefficients, the RMS residual and the "
        "mean gauge.\n",
        {
            "rails": URI | {"description": "points of both rails, as CSV"},
            "degree": {"type": "integer", "minimum": 1, "maximum": 8, "default": 3},
        },
        ("rails",),
        ("features_0", "predict_0"),
        (sys.executable, "-S", "-E", str(RAILWAY)),
    ),
    App(
        "emulator",
        "shell",
        "Runs a script with /bin/sh. Every file it leaves is an output.\n",
        {
            "script": {"type": "string", "description": "what /bin/sh is given"},
            "files": {"type": "object", "additionalProperties": URI},
        },
        ("script",),
        ("shell_0",),
        ("/bin/sh", "-c"),
    ),
    App(
        "test",
        "helloworld",
        "Says hello.\n",
        {},
        (),
        ("say_hello",),
        (sys.executable, "-S", "-E", "-c", HELLO),
    ),
)


def find(domain: str, name: str) -> App | None:
    """Return an application."""
    return next((it for it in APPS if (it.domain, it.name) == (domain, name)), None)


def schema(app: App) -> dict[str, Any]:
    """Return what `…/inputs` answers."""
    inputs = {
        "type": "object",
        "properties": dict(app.inputs),
        "required": list(app.required),
        "additionalProperties": False,
    }
    top = {
        "type": "object",
        "properties": {
            "inputs": inputs,
            "output-prefix": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "pool": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["inputs"],
    }
    return {"content": [{"content": {"top": top}}]}


def problem(app: App, inputs: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the inputs of a run."""
    for name in app.required:
        if name not in inputs:
            return f"Missing input '{name}'"
    for name, value in inputs.items():
        if name not in app.inputs:
            return f"Unknown input '{name}'"
        if not _fits(app.inputs[name], value):
            return f"Invalid value for input '{name}'"
    return None


def _fits(schema_: Mapping[str, Any], value: object) -> bool:
    if schema_["type"] == "integer":
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
        return number is not None and schema_["minimum"] <= number <= schema_["maximum"]
    if schema_["type"] == "object":
        return isinstance(value, dict) and all(
            NAME.fullmatch(name) and _fits(schema_["additionalProperties"], it)
            for name, it in value.items()
        )
    return isinstance(value, str)


def files(app: App, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the uris among the inputs, by the names that the files get in the work folder."""
    found = {}
    for name, value in inputs.items():
        if app.inputs[name].get("format") == "uri":
            found[f"{name}.input"] = value
        elif app.inputs[name]["type"] == "object":
            found |= value
    return found


def command(app: App, inputs: Mapping[str, Any]) -> list[str]:
    """Return the program of a run, with its arguments."""
    if app.name == "shell":
        return [*app.command, inputs["script"]]
    if app.name == "railway_track_regression":
        return [*app.command, "rails.input", str(inputs.get("degree", 3)), "alignment.json"]
    return list(app.command)
