"""Throw everything at intake that people and programs may drop, and see that it stands.

    python tests/inputs.py [--only GROUP …] [--share PART] [--seed S]

Each group throws its cases at the real intake: a real spool, a real queue, real writers. Afterwards
every byte that was dropped must lie somewhere: as a job whose stored text is all of what its writer
wrote, refused whole with a reason, or left where it is with one. Prints one line for each group;
with --share throws only that part of the cases, drawn by the seed. Ends with 1 when anything was
lost, read by half, crashed intake, or became something else than it should.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.input import foreign, json_cases, names, naughty, texts, yaml_cases
from tests.input.case import Case, Tally
from tests.input.closed import closed
from tests.input.cuts import cuts
from tests.input.daemon import everything_at_once, minute
from tests.input.flood import flood
from tests.input.group import Group, Means
from tests.input.house import throw
from tests.input.lease import leases
from tests.input.specs import bad_specs
from tests.input.writers import writers


async def _thrown(cases: Callable[[Random], list[Case]], means: Means) -> Tally:
    return await throw(means.folder, means.some(cases(means.rng)))


GROUPS: dict[str, Group] = {
    "specs": bad_specs,
    "json": partial(_thrown, json_cases.cases),
    "naughty": partial(_thrown, naughty.cases),
    "yaml": partial(_thrown, yaml_cases.cases),
    "texts": partial(_thrown, texts.cases),
    "cuts": cuts,
    "foreign": partial(_thrown, foreign.cases),
    "names": partial(_thrown, names.cases),
    "closed": closed,
    "writers": writers,
    "leases": leases,
    "flood": flood,
    "minute": minute,
    "daemon": everything_at_once,
}
ROOM = Path("/dev/shm")
MOST_TOLD = 20


def main(words: Sequence[str]) -> int:
    """Throw; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=[*GROUPS], default=[*GROUPS])
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args(words)
    began, total = time.monotonic(), Tally("in all")
    for name in options.only:
        tally = throw_group(name, options.seed, options.share)
        _say(str(tally))
        for bad in tally.bad[:MOST_TOLD]:
            _say(f"  {bad}")
        total.add(tally)
    _say(f"{total}; seed {options.seed}, {time.monotonic() - began:.0f} s")
    return 1 if total.bad else 0


def throw_group(name: str, seed: int, share: float) -> Tally:
    """Throw a share of one group's cases."""
    room = ROOM if ROOM.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="orchestrator-inputs-", dir=room) as folder:
        Path(folder).chmod(0o755)
        means = Means(Path(folder), Random(f"{seed} {name}"), share)
        tally = asyncio.run(GROUPS[name](means))
    tally.group = name
    return tally


def _say(text: str) -> None:
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
