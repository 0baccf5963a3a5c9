"""Run one simulated world: `python -m orchestrator.testing.simulate SEED` replays a failure."""

import os
import sys
import tempfile
from pathlib import Path

from orchestrator.store.results import disk
from orchestrator.testing.invariants import broken
from orchestrator.testing.virtual import DeadlockError, HotLoopError, VirtualLoop
from orchestrator.testing.world import World

MEMORY = "/dev/shm"  # noqa: S108 - a file system in memory: syncs cost nothing there


def simulate(seed: int, *, restores: bool = False) -> World:
    """Let the world of a seed come to rest and be judged; `failures` holds what did not hold.

    With `restores`, the queue is now and then replaced by an earlier copy of itself.
    """
    base = MEMORY if Path(MEMORY).is_dir() and os.access(MEMORY, os.W_OK) else None
    root = Path(tempfile.mkdtemp(prefix="orchestrator-world-", dir=base))
    loop = VirtualLoop()
    loop.set_exception_handler(lambda _loop, _context: None)  # judged by what reaches the world
    try:
        world = World(seed, root, loop, restores=restores)
        try:
            loop.run_until_complete(world.run())
        except (DeadlockError, HotLoopError) as error:
            world.fail(f"{type(error).__name__}: {error}")
        if not world.failures:
            world.failures += broken(world)
        world.close()
    finally:
        loop.close()
        with disk.folder(root.parent) as parent:
            disk.remove_tree(root.name, within=parent)
    return world


def main() -> int:
    """Print the trace of each seed named on the command line, and what did not hold.

    The seed 7r is that of a world with restores.
    """
    failed = 0
    for argument in sys.argv[1:]:
        world = simulate(int(argument.removesuffix("r")), restores=argument.endswith("r"))
        sys.stdout.write("\n".join([*world.trace, *world.failures, ""]))
        failed += bool(world.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
