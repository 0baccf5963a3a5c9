"""Bad job files: each must be refused with exactly the words that are written down for it."""

from functools import partial
from pathlib import Path, PurePath

from pydantic import BaseModel

from orchestrator.document import READERS, read_spec
from tests.document.conftest import Run, Solve
from tests.input.case import Case, Tally
from tests.input.group import Means, table
from tests.input.house import throw

KINDS: dict[str, type[BaseModel]] = {
    "local": Run,
    "cluster": Solve,
}  # those that the words of the table are about
TABLE = Path(__file__).parents[1] / "document" / "bad_specs.toml"


async def bad_specs(means: Means) -> Tally:
    """Drop each bad spec; the backends are those that the words are about."""
    return await throw(means.folder, means.some(cases()), partial(read_spec, kinds=KINDS))


def cases() -> list[Case]:
    """Return each bad spec, under a name of its own."""
    found = []
    for number, told in enumerate(table(TABLE)):
        suffix = PurePath(told["file"]).suffix
        if suffix not in READERS:
            continue  # such a drop is refused for its name
        says = tuple(line.replace(told["file"], "{name}", 1) for line in told["says"])
        name = f"{number:03}{suffix}".encode()
        found.append(Case(name, told["text"].encode(), "rejected", exactly=says))
    return found
