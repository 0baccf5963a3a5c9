"""What can be run: the entries of the catalogue, and what is told of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.emulators.drmaatic.dialects import OLD, Dialect
from orchestrator.emulators.drmaatic.people import REGISTERED, Person

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter. `flag` None: the program is not given it. Who asks cannot set a private one."""

    name: str
    type: str = "string"
    flag: str | None = ""
    default: str = ""
    required: bool = False
    private: bool = False
    new: bool = False  # only in the dialect of 2025


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry. `limit` is in seconds; `last` is the number of the last element of an array."""

    name: str
    command: str
    parameters: tuple[Parameter, ...] = ()
    tokens: int = 1
    groups: tuple[str, ...] = ()
    cpus: int = 1
    limit: float = 3 * HOUR
    last: int | None = None
    public: bool = False
    new: bool = False  # only in the dialect of 2025

    def asked(self, dialect: Dialect) -> Sequence[Parameter]:
        """Return the parameters that it has in a dialect."""
        return [it for it in self.parameters if dialect is not OLD or not it.new]

    def is_open_to(self, person: Person | None) -> bool:
        """Whether somebody may see and run it."""
        if not self.groups:
            return True
        return person is not None and (person.is_admin or person.group in self.groups)


SECONDS = Parameter("seconds", "int")
TEXT = Parameter("text", flag="--text=")
ECHO, SLEEP = "echo_file.sh", "sleep.sh"
ENTRIES = (
    Entry("arr", "arr.sh", (Parameter("failat", "int"),), last=4),
    Entry(
        "echo-file",
        ECHO,
        (
            Parameter("input_file", "file", "--in", required=True),
            TEXT,
            Parameter("count", "int", "-n", default="1"),
            Parameter("ratio", "float", "-r", new=True),
            Parameter("verbose", "bool", "-v", new=True),
            Parameter("secret", flag="--secret", default="s3cr3t", private=True, new=True),
        ),
    ),
    Entry("expensive", SLEEP, (SECONDS,), tokens=60, new=True),
    Entry("fail", "fail.sh", (Parameter("code", "int"),)),
    Entry("members", SLEEP, (SECONDS,), groups=(REGISTERED,)),
    Entry("missing-script", "missing.sh", new=True),
    Entry("nofile", ECHO, (TEXT,), new=True),
    Entry("public", ECHO, (TEXT,), public=True, new=True),
    Entry(
        "shell",
        "shell.sh",
        (
            Parameter("script", "file", required=True),
            Parameter("data", "file", flag=None),
            Parameter("argument"),
        ),
    ),
    Entry("sleep", SLEEP, (Parameter("seconds", "int", default="5"),)),
    Entry("too-big", SLEEP, (SECONDS,), cpus=1000, new=True),
    Entry("too-long", SLEEP, (SECONDS,), limit=60, new=True),
)


def entries(dialect: Dialect) -> dict[str, Entry]:
    """Return the entries of a dialect by their names."""
    return {it.name: it for it in ENTRIES if dialect is not OLD or not it.new}


def told(entry: Entry, dialect: Dialect, *, admin: bool) -> dict[str, Any]:
    """Return what is told of an entry: to administrators, how it is run as well."""
    parameters = [
        _parameter(it, admin=admin) for it in entry.asked(dialect) if admin or not it.private
    ]
    if not admin:
        tokens = {} if dialect is OLD else {"required_tokens": entry.tokens}
        return {"name": entry.name, **tokens, "param": parameters}
    hours, minutes = entry.limit // HOUR, entry.limit // 60
    time = f"{hours:.0f} hours" if hours else f"{minutes:.0f} minutes"
    if dialect is OLD:
        return {
            "name": entry.name,
            "command": entry.command,
            "job": "1cpu_local",
            "groups": list(entry.groups),
            "is_output_visible": entry.public,
            "max_clock_time": time,
            "is_array": entry.last is not None,
            "param": parameters,
        }
    return {
        "command": entry.command,
        "name": entry.name,
        "required_tokens": entry.tokens,
        "groups": list(entry.groups),
        "queues": ["local"],
        "cpus": entry.cpus,
        "memory_mb": 256,
        "is_array": entry.last is not None,
        "max_clock_time": time,
        "is_output_public": entry.public,
        "param": parameters,
    }


def _parameter(it: Parameter, *, admin: bool) -> dict[str, Any]:
    return {
        "name": it.name,
        **({"flag": it.flag or ""} if admin else {}),
        "type": it.type,
        "default": it.default,
        "description": "",
        "required": it.required,
    }
