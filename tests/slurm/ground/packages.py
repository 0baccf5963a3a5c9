"""Which programs this takes, and in which packages of Debian they are."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

PACKAGES: Mapping[str, str] = {
    "munged": "munge",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "slurmdbd": "slurmdbd",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "slurmrestd": "slurmrestd",
    "sbatch": "slurm-client",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
PLUGINS: Mapping[str, str] = {
    "auth_jwt.so": "slurm-wlm-jwt-plugin",
    "accounting_storage_mysql.so": "slurm-wlm-mysql-plugin",
    "proctrack_linuxproc.so": "slurm-wlm-basic-plugins",
}
LIBRARIES = Path("/usr/lib")
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"  # not on the path of every user


def search_path(path: str) -> str:
    """Return a PATH that finds daemons as well."""
    return f"{path}:{SBIN}"


def missing(path: str, libraries: Path = LIBRARIES) -> list[str]:
    """Return the packages of which a program or plugin is not there, each once."""
    programs = (
        package
        for name, package in PACKAGES.items()
        if shutil.which(name, path=search_path(path)) is None
    )
    plugins = (
        package
        for name, package in PLUGINS.items()
        if not any(libraries.glob(f"*/slurm-wlm/{name}"))
    )
    return [*dict.fromkeys((*programs, *plugins))]


def why_not(path: str) -> str | None:
    """Say in words what keeps this from starting here; None when nothing does."""
    if packages := missing(path):
        names = " ".join(packages)
        return f"Debian's {names} is missing: apt-get install --no-install-recommends {names}"
    if os.geteuid() != 0:
        return "this needs root, for only root can start jobs for other users: use sudo"
    return None
