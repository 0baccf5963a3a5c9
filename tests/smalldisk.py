"""A real disk that is really full: a program run on a tmpfs of its own."""

import os
import subprocess
import sys
from pathlib import Path

_MOUNT_AND_RUN = 'mount -t tmpfs -o size="$0" none "$1" && exec "$2" -m "$3" "$1"'


def run_on_small_disk(folder: Path, module: str, *, size: str) -> None:
    """Run `python -m MODULE FOLDER` with a small tmpfs mounted there, seen by nobody else.

    Fails with the program's words when it fails, also where this machine lets nobody mount.
    """
    allowed = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--mount", *allowed, "sh", "-c", _MOUNT_AND_RUN, size]
    done = subprocess.run(
        [*command, str(folder), sys.executable, module],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 0, (
        f"{module} on a small disk:\n{done.stdout[-999:]}{done.stderr[-2999:]}"
    )
