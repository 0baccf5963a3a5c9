"""What goes wrong in a simulated world: drawn from its seed, switched off at the end."""

from dataclasses import dataclass, field
from random import Random
from typing import Literal

Trouble = Literal[
    "refused",  # the connection was refused: provably no effect
    "quota",  # a limit, with the time at which to come back: no effect
    "auth",  # the credentials were refused: no effect
    "lost",  # the connection broke; the effect may have happened
    "garbled",  # the effect happened; the answer was not understood
    "slow",  # the effect happened at once; the answer comes late
    "hang",  # no answer ever; the effect may have happened
    "bug",  # the backend's own code breaks, before or after the effect
]
Mishap = Literal[
    "partial poll",  # some runs are missing from a poll's answer
    "vague poll",  # a poll says of some runs that nothing is known
    "unclear find",  # the listing is known to be incomplete
    "late start",  # a request is executed after its caller gave up
    "lost hint",
    "lost end",  # a run ended, and nobody will ever know how
    "growing output",  # an output is listed with a size it does not keep
    "corrupt output",  # its bytes break on the way
    "broken stream",  # only a part of it comes
    "gone output",  # outputs vanish after the end
    "late cancel",  # a stop takes long
    "disk full",
    "commit fails",  # and may have happened all the same
    "copied run",  # somebody over there copies a run, with the key that it bears
]
TROUBLES: tuple[Trouble, ...] = Trouble.__args__  # type: ignore[attr-defined]
MISHAPS: tuple[Mishap, ...] = Mishap.__args__  # type: ignore[attr-defined]
PLANTED = "planted by the simulation"


class PlantedError(Exception):
    """A fault in a backend's own code: not one of the five errors."""


def chance(parent: Random | int) -> Random:
    """Return a generator of its own for one part of a world, from its seed or its parent."""
    seed = parent if isinstance(parent, int) else parent.getrandbits(64)
    return Random(seed)  # noqa: S311 - to be replayed, not to be kept secret


@dataclass(slots=True)
class Faults:
    """Decides by chance what goes wrong; every kind has its own chance, often none.

    Seeds differ in what they suffer from: a world with every fault at once would hide what one of
    them alone brings to light.
    """

    random: Random
    on: bool = True
    chances: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Draw the chance of everything."""
        rough = self.random.choice([0.0, 0.3, 0.6, 1.0])
        for kind in (*TROUBLES, *MISHAPS):
            suffers = self.random.random() < rough
            self.chances[kind] = self.random.choice([0.03, 0.1, 0.3]) if suffers else 0.0
        self.chances["commit fails"] *= 0.02
        self.chances["disk full"] *= 0.1
        self.chances["hang"] *= 0.3
        self.chances["copied run"] *= 3.0  # it is seen only where a run is looked for

    def strikes(self, kind: Mishap) -> bool:
        """Whether this goes wrong now."""
        return self.on and self.random.random() < self.chances[kind]

    def trouble(self) -> Trouble | None:
        """Return what goes wrong with a call, None if nothing does."""
        if not self.on:
            return None
        for kind in TROUBLES:
            if self.random.random() < self.chances[kind] / 2:
                return kind
        return None
