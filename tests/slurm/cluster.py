"""A real Slurm on this machine, all of it in one folder and on 127.0.0.1, until Ctrl-C.

    sudo python3 tests/slurm/cluster.py FOLDER [--cpus N] [--memory MIB] [--min-job-age SECONDS]

It is the Slurm of Debian's packages: munged, slurmctld, slurmd, slurmdbd with a MariaDB of its own,
and slurmrestd twice, over TCP with tokens and on a unix socket. It installs nothing, touches
nothing outside the folder, and leaves no process behind, however it ends. What jobs may use is
pretended. They run as who submits them; in tests that is root, so that no folder of a test need be
opened to others.

Tests use `running`; several may run at once.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.slurm.ground.layout import Layout
from tests.slurm.ground.making import lay_out
from tests.slurm.ground.namespace import Daemon, Namespace
from tests.slurm.ground.packages import search_path, why_not
from tests.slurm.ground.ports import Ports
from tests.slurm.ground.settings import DEFAULT, NODE, QOS, USUAL, Settings
from tests.slurm.ground.telling import COMMANDS, SOCKET, TOKEN, configuration
from tests.slurm.ground.waiting import until

ORDER = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "rest", "local")


class Cluster:
    """A Slurm that runs. Its daemons are `munged`, `mariadbd`, and so on: see ORDER."""

    def __init__(self, layout: Layout, namespace: Namespace) -> None:
        self.layout = layout
        self.environment = {  # of a submit host
            "PATH": search_path(os.environ["PATH"]),
            "LANG": "C.UTF-8",
            "SLURM_CONF": f"{layout.conf}/slurm.conf",
        }
        self.url = f"http://127.0.0.1:{layout.rest}"  # slurmrestd that asks for a token
        self.socket = layout.local  # slurmrestd that trusts who may open its socket
        self._namespace = namespace
        self._daemons: dict[str, Daemon] = {}

    def start(self, name: str) -> None:
        """Start a daemon; wait until it answers. Raises RuntimeError with its last words."""
        command, answers = self._commands()[name]
        log = self.layout.logs / f"{name}.log"
        env = self.environment | {
            "MYSQL_UNIX_PORT": str(self.layout.database),  # for slurmdbd
            "SLURMRESTD_SECURITY": "disable_user_check",  # else it would not run as root
        }
        if name == "rest":
            env["SLURM_JWT"] = "daemon"  # let it hand on tokens of others, having none of its own
        started = self._namespace.start_beside if name == "local" else self._namespace.start
        daemon = self._daemons[name] = started(command, env, log)
        until(lambda: answers() or daemon.ended() is not None, f"an answer of {name}")
        if (code := daemon.ended()) is not None:
            last = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{name} ended with {code}; its log {log} ends with:\n{last}")

    def stop(self, name: str) -> None:
        """End a daemon in good order, and wait for that; jobs go on."""
        self._daemons[name].end(signal.SIGTERM)

    def kill(self, name: str) -> None:
        """Kill a daemon; jobs go on."""
        self._daemons[name].end(signal.SIGKILL)

    def run(self, *command: str) -> str:
        """Run a command of Slurm; return what it printed. Raises RuntimeError when it fails."""
        done = self._try(*command)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def token(self, user: str = "root", seconds: int = 86400) -> str:
        """Return a new token for slurmrestd at `url`."""
        told = self.run("scontrol", "token", f"username={user}", f"lifespan={seconds}")
        return told.strip().removeprefix("SLURM_JWT=")

    def reconfigure(self, **values: object) -> None:
        """Change lines of slurm.conf, such as MinJobAge=2, and have it read again."""
        conf = self.layout.conf / "slurm.conf"
        lines = conf.read_text().splitlines()
        for key, value in values.items():
            (place,) = (n for n, line in enumerate(lines) if line.startswith(f"{key}="))
            lines[place] = f"{key}={value}"
        conf.write_text("\n".join(lines) + "\n")
        self.run("scontrol", "reconfigure")

    def drain(self) -> None:
        """Let the node take no more jobs."""
        self.run("scontrol", "update", f"nodename={NODE}", "state=drain", "reason=asked for")

    def resume(self) -> None:
        """Let the node take jobs again."""
        self.run("scontrol", "update", f"nodename={NODE}", "state=resume")

    def _try(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )

    def _has_node(self) -> bool:
        told = self._try("sinfo", "-h", "-N", "-p", DEFAULT, "-o", "%T").stdout.strip()
        return told in {"idle", "mixed", "allocated", "draining", "drained"}

    def _commands(self) -> Mapping[str, tuple[Sequence[str], Callable[[], bool]]]:
        """Return of each daemon its command, and what tells whether it answers."""
        at = self.layout
        munge = [f"--{it}-file={at.state}/munge.{it}" for it in ("pid", "seed")]
        munge += [f"--socket={at.munge}", f"--key-file={at.conf}/munge.key"]
        munge += [f"--log-file={at.logs}/munged.log"]
        sql = ["--skip-networking", f"--socket={at.database}"]
        rest = ["slurmrestd", "-a", "rest_auth/jwt", f"127.0.0.1:{at.rest}"]
        local = ["slurmrestd", "-a", "rest_auth/local", f"unix:{at.local}"]
        return {
            "munged": (
                ["munged", "--foreground", "--force", *munge],
                lambda: listens(at.munge),
            ),
            "mariadbd": (["mariadbd", *at.sql, *sql], lambda: listens(at.database)),
            "slurmdbd": (["slurmdbd", "-D"], lambda: listens(at.accounting)),
            "slurmctld": (["slurmctld", "-D"], lambda: listens(at.controller)),
            "slurmd": (["slurmd", "-D"], self._has_node),
            "rest": (rest, lambda: listens(at.rest)),
            "local": (local, lambda: listens(at.local)),
        }


@contextmanager
def running(root: Path | None = None, settings: Settings = USUAL) -> Iterator[Cluster]:
    """Start a cluster in an empty folder, or in a temporary one; end it with all of its jobs.

    Raises OSError in words when this machine lacks something or the folder will not do, and
    RuntimeError with its last words when a daemon does not start.
    """
    if reason := why_not(os.environ["PATH"]):
        raise OSError(reason)
    with ExitStack() as stack:
        if root is None:
            folder = tempfile.TemporaryDirectory(prefix="slurm-", dir=_quickest())
            root = Path(stack.enter_context(folder))
        ports = stack.enter_context(Ports())
        layout = Layout(root.resolve(), *(ports.draw() for _ in range(4)))
        lay_out(layout, settings)
        cluster = Cluster(layout, stack.enter_context(Namespace()))
        for name in ORDER:
            cluster.start(name)
            if name == "slurmdbd":
                _introduce(cluster)
        layout.token.write_text(cluster.token(settings.person))
        yield cluster


def _introduce(cluster: Cluster) -> None:
    """Tell accounting who may submit, and under which account."""
    limits = ("maxsubmitjobsperuser=2", "maxwall=5")
    cluster.run("sacctmgr", "--immediate", "add", "qos", QOS, *limits)
    cluster.run("sacctmgr", "--immediate", "load", f"{cluster.layout.conf}/accounts")


def listens(where: int | Path) -> bool:
    """Whether anybody takes connections at a port of 127.0.0.1, or at a socket in a folder."""
    port = isinstance(where, int)
    with socket.socket(socket.AF_INET if port else socket.AF_UNIX) as line:
        return line.connect_ex(("127.0.0.1", where) if port else str(where)) == 0


def _quickest() -> str | None:
    """Return a folder in memory where there is one: a database is slow to make on a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def main(words: Sequence[str]) -> int:
    """Run a cluster for a person; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="new or empty; everything lies in it")
    parser.add_argument("--cpus", type=int, default=Settings.cpus, help="pretended")
    parser.add_argument("--memory", type=int, default=Settings.memory, help="MiB, pretended")
    parser.add_argument(
        "--min-job-age",
        type=int,
        default=Settings.min_job_age,
        help="seconds until the controller forgets a job that has ended",
    )
    asked = parser.parse_args(words)
    person = os.environ.get("SUDO_USER", "root")
    settings = Settings(asked.cpus, asked.memory, min_job_age=asked.min_job_age, person=person)
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(asked.folder, settings) as cluster:
            sys.stdout.write(_told(cluster, person, time.monotonic() - began))
            sys.stdout.flush()
            signal.pause()
    except (OSError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stdout.write(f"ended; its logs are in {asked.folder}/log\n")
    return 0


def _told(cluster: Cluster, person: str, seconds: float) -> str:
    """Return what a person wants to know of a cluster that has come up."""
    ways = (COMMANDS, TOKEN, SOCKET) if person == "root" else (COMMANDS, TOKEN)
    tables = "\n".join(
        f"# {way}\n{configuration(cluster.layout, 'slurm', way, person)}" for way in ways
    )
    return f"""\
# Slurm runs, after {seconds:.1f} s, until Ctrl-C; logs in {cluster.layout.logs}
# export SLURM_CONF={cluster.environment["SLURM_CONF"]}
# and sinfo, sbatch, … work as {person}. For orchestrator.toml, one of these:

{tables}"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
