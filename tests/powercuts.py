"""Rebuild what a power cut may leave of a run, and start on it: `python tests/powercuts.py`.

The real program is recorded with strace; each state is one that its disk may have been in had the
power gone at some moment: everything written, only what was synced, or something in between, with
torn and reordered writes. The daemon is started on each, and must lose nothing, run nothing twice,
and show no half result. Ends with 1 when a state is bad; the recording is then kept, and the line
that rebuilds the state is printed.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.powercut.record import read, record
from tests.powercut.restart import warm_up
from tests.powercut.states import Choice, try_states

ENOUGH = 5  # bad states after which no more are looked for


def main() -> int:
    """Record, try every state, say what came of it."""
    asked = _asked()
    kept = Path(asked.recording or tempfile.mkdtemp(prefix="orchestrator-powercut-"))
    recording = read(kept / "world") if asked.recording else record(kept / "world")
    _say(f"recorded: {recording.summary()}")
    began, tried, distinct, bad = time.monotonic(), 0, 0, 0
    numbers, choice = range(asked.states), Choice(asked.seed, asked.states, asked.start_every)
    if asked.only is not None:
        numbers, choice = range(asked.only, asked.only + 1), choice._replace(start_every=1)
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="orchestrator-powercut-", dir=memory) as place:
        warm_up(Path(place))
        for state in try_states(recording, numbers, choice, Path(place)):
            tried += 1
            if state is None:
                continue
            distinct += 1
            if state.bad:
                bad += 1
                _say(f"BAD state {state.number}: {state.cut.way}, before moment {state.cut.moment}")
                _say(*(f"    {line}" for line in state.bad))
                _say(
                    f"    again: python tests/powercuts.py --recording {kept} --seed {asked.seed}"
                    f" --states {asked.states} --only {state.number}"
                )
                if bad == ENOUGH:
                    break
            elif distinct % 1000 == 0:
                _say(f"{tried} states …")
    if not bad and not asked.recording:
        shutil.rmtree(kept)
    took = time.monotonic() - began
    _say(
        f"{tried} states after a power cut (seed {asked.seed}), {distinct} of them distinct,"
        f" {bad} bad, {took:.0f} s"
    )
    return 1 if bad else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--states", type=int, default=1000, help="how many are tried")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn from")
    parser.add_argument(
        "--start-every", type=int, default=1, metavar="N", help="start on every N-th state only"
    )
    parser.add_argument("--recording", help="use the recording that was kept in this folder")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="try this state alone")
    return parser.parse_args()


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
