"""Pull the plug under the real program on real file systems: `python tests/plugpulls.py` (as root).

For each pull a new ext4 or XFS in an image on a loop device is shut down while the daemon takes in
and runs jobs, without its journal being written out; it is mounted again, the daemon is started,
and nothing may be lost, run twice, or half visible. Ends with 1 when something is.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.powercut.pulls import FILE_SYSTEMS, pull, see_mounts_alone


def main() -> int:
    """Pull the plug as often as asked on each file system; say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pulls", type=int, default=30, help="how many on each file system")
    parser.add_argument("--seed", type=int, default=1, help="what their moments are drawn from")
    asked = parser.parse_args()
    see_mounts_alone()
    bad = 0
    for kind in FILE_SYSTEMS:
        drops = runs = broken = 0
        for number in range(asked.pulls):
            folder = Path(tempfile.mkdtemp(prefix="orchestrator-plugpull-"))
            pulled = pull(kind, folder, Random(f"{asked.seed}:{kind}:{number}"))
            drops += pulled.drops
            runs += pulled.runs
            if pulled.bad:
                broken += 1
                _say(f"BAD pull {number} on {kind}; its disk is kept in {folder}")
                _say(*(f"    {line}" for line in pulled.bad))
            else:
                shutil.rmtree(folder)
        bad += broken
        _say(
            f"{kind}: {asked.pulls} plugs pulled (seed {asked.seed}), {drops} drops acknowledged"
            f" and {runs} runs begun before, {broken} pulls bad"
        )
    return 1 if bad else 0


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
