"""Makes the folder of a cluster that has not run yet."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.slurm.ground.layout import Layout
from tests.slurm.ground.settings import Settings, accounts, gres_conf, slurm_conf, slurmdbd_conf

LAST_WORDS = 3000  # characters of what a command says that fails
LONGEST = 70  # characters of a folder's path: slurmd makes a socket in it, whose path has 107


def lay_out(layout: Layout, settings: Settings) -> None:
    """Make the folders, keys and files of a cluster that has not run yet.

    Raises OSError when its folder holds something, or has too long a path.
    """
    if len(str(layout.root)) > LONGEST:
        raise OSError(f"the path {layout.root} is too long: at most {LONGEST} characters")
    layout.root.mkdir(parents=True, exist_ok=True)
    if any(layout.root.iterdir()):
        raise OSError(f"{layout.root} is not empty: name a new folder, or remove this one")
    layout.root.chmod(0o755)  # other users submit, too
    for folder in (layout.conf, layout.state, layout.logs, layout.scratch):
        folder.mkdir()
    _write(layout.conf / "slurm.conf", slurm_conf(layout, settings).encode(), 0o644)
    _write(layout.conf / "gres.conf", gres_conf(settings).encode(), 0o644)
    _write(layout.conf / "accounts", accounts(settings).encode(), 0o644)
    _write(layout.conf / "slurmdbd.conf", slurmdbd_conf(layout).encode(), 0o600)
    layout.runs.mkdir()
    shutil.chown(layout.runs, settings.person)
    _write(layout.token, b"", 0o600)
    shutil.chown(layout.token, settings.person)
    _write(layout.conf / "munge.key", os.urandom(64), 0o600)
    _write(layout.conf / "jwt.key", os.urandom(64), 0o600)
    how = ["--skip-test-db", "--auth-root-authentication-method=normal"]
    made = subprocess.run(
        ["mariadb-install-db", *layout.sql, *how], check=False, capture_output=True, text=True
    )
    if made.returncode != 0:
        raise OSError(f"mariadb-install-db: {(made.stdout + made.stderr)[-LAST_WORDS:]}")


def _write(path: Path, data: bytes, mode: int) -> None:
    path.touch(mode)
    path.write_bytes(data)
