"""A thousand jobs through the daemon to a real Slurm and back, with both ended on the way.

    sudo python tests/slurm/thousand.py [--jobs N] [--kills N] [--restarts N] [--way WAY] [--seed N]

The daemon is killed, and slurmctld restarted, at moments that the seed draws. Each job must have
run once, by its own mark and by accounting, and each result is verified. How fast that went is
printed beside the same jobs submitted by sbatch in a loop. Ends with 1 when anything is wrong.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.slurm.cluster import running
from tests.slurm.ground.telling import COMMANDS, WAYS
from tests.slurm.passing import Passage, by_sbatch

SHOWN = 20  # lines of what is wrong


def main(words: Sequence[str]) -> int:
    """Pass the jobs through; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10, help="of the daemon")
    parser.add_argument("--restarts", type=int, default=2, help="of slurmctld")
    parser.add_argument("--way", choices=WAYS, default=COMMANDS, help="into the cluster")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked = parser.parse_args(words)
    jobs = asked.jobs
    with running() as cluster, tempfile.TemporaryDirectory(prefix="orchestrator-slurm-") as name:
        folder = Path(name)
        with closing(Passage(cluster, folder, jobs, asked.way)) as passage:
            seconds = passage.go(random.Random(asked.seed), asked.kills, asked.restarts)
            bad, prevented = passage.accounted()
            bad += [*passage.wrong(), *passage.faults()]
        (folder / "plain").mkdir()
        submitted, ended = by_sbatch(cluster, folder / "plain", jobs)
    for line in bad[:SHOWN]:
        _say(f"BAD {line}")
    _say(f"{jobs} jobs by sbatch in a loop: {jobs / submitted:.1f} a second until submitted,")
    _say(f"    {jobs / ended:.1f} until ended")
    _say(
        f"{jobs} jobs through the daemon ({asked.way}, seed {asked.seed}), {asked.kills} kills,"
        f" {asked.restarts} restarts: {jobs / seconds:.1f} a second from drop to result,"
        f" {prevented} second starts prevented, {len(bad)} bad"
    )
    return 1 if bad else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
