"""Put a copy in the place of a queue, in a process that is killed somewhere on the way.

Run as `python -m tests.store.swapping HOME COPY`. Imports little: it is started often.
"""

import sys
from contextlib import closing
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.store import migrate
from orchestrator.store.sqlite import connect_reader
from orchestrator.store.swap import carry_through


def swap(home: Home, copy: Path) -> Path | None:
    """Do what a restore does with files."""
    carry_through(home)
    with closing(connect_reader(copy)) as conn:
        migrate.copy(conn, home.restored)
    migrate.keep_copy(home.restored)
    return carry_through(home)


if __name__ == "__main__":
    swap(Home(Path(sys.argv[1])), Path(sys.argv[2]))
