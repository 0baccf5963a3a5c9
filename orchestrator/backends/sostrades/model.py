"""What people write about this service: `[backends.NAME]` of this kind, and `[run]` of a job."""

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from orchestrator.backends.http import Account
from orchestrator.core.spec import Duration, Inside, SecretRef, Table

MOST_TABLES = 100  # what is remembered of each has to fit beside the run
LONGEST_NAME, LONGEST_TEXT = 300, 10_000  # characters
_VARIABLE = re.compile(r"[^\s/][^/]*\.[^/]*[^\s/]")
_UNQUOTED = (
    "expected a value, or a table with `value`; a variable's name is written in quotes because of"
    ' its dots: "study.Discipline.x" = 3.5'
)


def _check_variable(text: str) -> str:
    if len(text) > LONGEST_NAME or not text.isprintable() or _VARIABLE.fullmatch(text) is None:
        raise ValueError('expected the whole name of a variable, such as "study.Discipline.x"')
    return text


Variable = Annotated[
    str, AfterValidator(_check_variable), WithJsonSchema({"type": "string", "pattern": r"\."})
]
"""The whole name of a variable, from the study's name on."""

Kind = Literal[
    "float", "int", "bool", "string", "list", "dict", "float_list", "int_list", "string_list"
]
"""The types of variables whose values can be sent as they stand, in the service's words."""


def _check_value(value: JsonValue) -> JsonValue:
    """Refuse what cannot be read back from the service: then nothing could be proved."""
    if not _is_finite(value):
        raise ValueError("expected a finite number")
    items = value if isinstance(value, list) else [value]
    nested = isinstance(value, list) and any(isinstance(one, list | dict) for one in value)
    if nested:
        raise ValueError(
            "a list holds numbers, texts, true and false: the service does not show another one"
            " again; a table can be given as a CSV under [run.tables]"
        )
    for one in items:
        if one is None:
            raise ValueError("there is no value that means none")
        if isinstance(one, str) and (not one.isprintable() or len(one) > LONGEST_TEXT):
            raise ValueError(f"expected a text in one line, of at most {LONGEST_TEXT} characters")
    return value


def _is_finite(value: JsonValue) -> bool:
    """Whether each number in a value is one that can be sent, however deep it is."""
    if isinstance(value, list | dict):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    try:
        return not isinstance(value, int | float) or math.isfinite(value)
    except OverflowError:  # a whole number that no float comes near to
        return False


Value = Annotated[JsonValue, AfterValidator(_check_value)]


class Given(Table):
    """A value with what is known of it."""

    value: Value
    """The value: a number, a text, true or false, a list of these, or a table (a dict)."""
    unit: str | None = None
    """Its unit; refused where the service lists another, because it converts nothing."""
    type: Kind | None = None
    """Its type, in the service's words: checked before anything is sent. Where the service lists
    its variables, it need not be named."""


def _given(value: object) -> object:
    if isinstance(value, Mapping):
        if "value" not in value:
            raise ValueError(_UNQUOTED)
        return value
    return {"value": value}


class Options(Account):
    """Studies of a SoSTrades server."""

    key: SecretRef
    """The API key of the account, as a reference: { secret = "NAME" }."""
    max_runs: int = Field(default=4, ge=1, le=1000)
    """How many studies may be set up or calculated at once."""
    patience: Duration = timedelta(minutes=5)
    """How long a call may take: the server loads a whole study inside of some."""
    stuck_after: Duration = timedelta(hours=6)
    """How long the log of a calculation may stand still until its job is held for a person: the
    server calls a calculation running whose process has died, and nothing tells the two apart."""


class RunTable(Table):
    """What to calculate: a study that is there, with these values."""

    study: int = Field(ge=1, le=2**31 - 1)
    """The number of the study, as in its address. A job has it to itself until its results are
    stored: other jobs of the same study wait."""
    parameters: dict[Variable, Annotated[Given, BeforeValidator(_given)]] = Field(
        default_factory=dict
    )
    """Values by the whole names of variables: "study.Discipline.x" = 3.5, or with what is known of
    it: { value = 3.5, unit = "m", type = "float" }."""
    tables: dict[Variable, Inside] = Field(default_factory=dict, max_length=MOST_TABLES)
    """Inputs (CSV, with a line of headers) by the whole names of variables that are tables. Every
    input of the job must be given to one."""
    values: tuple[Variable, ...] = ()
    """Variables whose values are fetched after the calculation, each as values/NAME.csv."""
