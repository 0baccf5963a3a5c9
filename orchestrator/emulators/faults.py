"""Fault switches: what goes wrong at a stand-in service, when, and how often."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

FORM = "NAME[=VALUE][,times=N][,skip=N][,chance=P][,on=PATTERN]"


@dataclass(frozen=True, slots=True)
class Switch:
    """One thing that can go wrong. `value` says what its value means; `default` is that value."""

    name: str
    summary: str
    value: str = ""
    default: str = ""

    @property
    def is_number(self) -> bool:
        """Whether its value is a number: then its default is one."""
        return self.default.replace(".", "", 1).isdecimal()


ANY_REPLY = (
    Switch("error-before", "an error status, nothing done", "status", "503"),
    Switch("error-after", "done, then an error status", "status", "502"),
    Switch("drop-before", "the connection is dropped, nothing done"),
    Switch("drop-after", "done, then the connection is dropped instead of a reply"),
    Switch("cut", "the connection ends after this many bytes of the reply", "bytes", "20"),
    Switch("drip", "the reply comes byte by byte", "seconds between two", "0.1"),
    Switch("late", "nothing is done or said for a while", "seconds", "1"),
    Switch("too-many", "429, nothing done", "seconds in Retry-After; none: no such header"),
    Switch("too-many-until", "429 with Retry-After as a date", "seconds from now", "2"),
    Switch("forbidden", "403, nothing done"),
    Switch("redirect", "307, nothing done", "where to", "http://127.0.0.2:9/"),
    Switch("html", "done, then 200 with an HTML page that tells of an error"),
    Switch("empty-json", "done, then an empty body typed JSON"),
    Switch("gzip", "the body comes compressed, though identity was asked for"),
    Switch("short-body", "fewer bytes come than Content-Length says", "bytes missing", "1"),
    Switch("short-length", "Content-Length and body are too short alike", "bytes missing", "1"),
    Switch("wrong-bytes", "the body has the right length and a wrong byte"),
)
STORAGE = (
    Switch("expired-urls", "a presigned URL has expired as soon as it is given"),
    Switch("foreign-host", "a presigned URL points elsewhere", "origin", "http://127.0.0.2:9"),
)


@dataclass(slots=True)
class Rule:
    """A switch that is on: how often it still strikes, and on which calls."""

    spec: str
    name: str
    value: str
    times: int | None = None
    skip: int = 0
    chance: float = 1.0
    on: str = "*"


class Faults:
    """The rules of one emulator. The same seed and the same calls give the same faults."""

    def __init__(self, switches: Iterable[Switch], seed: int = 0) -> None:
        self.switches = {switch.name: switch for switch in switches}
        self.rules: list[Rule] = []
        self.fired: Counter[str] = Counter()
        self._random = Random(seed)  # noqa: S311 - chance that can be repeated

    def put(self, specs: Iterable[str]) -> None:
        """Replace all rules. Raises ValueError, with a text for people, for a bad one."""
        self.rules = [self._parse(spec) for spec in specs]

    def strike(self, name: str, where: str = "") -> str | None:
        """Return the value of a switch if it strikes now, else None; `where` is METHOD /path."""
        for rule in self.rules:
            if rule.name != name or rule.times == 0 or not fnmatchcase(where, rule.on):
                continue
            if rule.skip:
                rule.skip -= 1
                continue
            if rule.chance < 1 and self._random.random() >= rule.chance:
                continue
            if rule.times is not None:
                rule.times -= 1
            self.fired[name] += 1
            return rule.value
        return None

    def _parse(self, spec: str) -> Rule:
        first, *rest = spec.split(",")
        name, _, value = first.partition("=")
        switch = self.switches.get(name)
        if switch is None:
            raise ValueError(f"{spec}: no fault {name!r}; there are {', '.join(self.switches)}")
        rule = Rule(spec, name, value or switch.default)
        try:
            if switch.is_number:
                float(rule.value)
            for part in rest:
                _limit(rule, *part.split("=", 1))
        except (TypeError, ValueError):
            raise ValueError(
                f"{spec}: expected {FORM}, with numbers where numbers belong"
            ) from None
        return rule


def _limit(rule: Rule, key: str, value: str) -> None:
    match key:
        case "times":
            rule.times = int(value)
        case "skip":
            rule.skip = int(value)
        case "chance":
            rule.chance = float(value)
        case "on":
            rule.on = value
        case _:
            raise ValueError
