"""After a power cut: the daemon's own `serve` on what was left, in this process.

Only the start of the interpreter is left out, for the daemon and for its supervisor, because it
takes longer than all the rest: both are forked from a process that has imported them already. The
machine counts as booted anew.
"""

import gc
import os
import signal
from pathlib import Path

from orchestrator.backends.local.link import Link
from orchestrator.backends.supervisor import __main__ as supervisor
from orchestrator.backends.supervisor import files
from orchestrator.cli.setup import make_home
from orchestrator.config.home import Home
from orchestrator.daemon import clock
from orchestrator.daemon.serve import serve
from tests.powercut.scenario import CONFIG, world_environment

OTHER_BOOT = "00000000-0000-4000-8000-000000000000"
IDLE_SECONDS = 10.0


def warm_up(folder: Path) -> None:
    """Serve an empty home once, so that all that is imported late is there in every fork."""
    home = Home(folder / "warm-up")
    make_home(home)
    home.config.write_text('[log]\nlevel = "error"\n')
    assert serve(home, until_idle=True) == 0
    gc.collect()
    gc.freeze()  # what forks share is not touched by their collectors


def restart(world: Path) -> int:
    """Serve the home of a world until nothing moves; return the exit code. Never called twice."""
    home = Home(world / "disk" / "home")
    _boot_anew(world)
    environment = world_environment(world)
    os.environ.clear()
    os.environ.update(environment)
    (world / "outside" / "after").touch()
    with (world / "serve.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    supervisors: list[int] = []

    def start_supervisor(_: Link) -> None:
        supervisors.append(_fork_supervisor(home))

    setattr(Link, "_start_supervisor", start_supervisor)  # noqa: B010 - mypy: a method is for ever
    make_home(home)  # the cut may have come before `init` was done
    home.config.write_text(CONFIG)
    try:
        return serve(home, until_idle=True)
    finally:
        for process in supervisors:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _boot_anew(world: Path) -> None:
    name = world / "boot_id"
    name.write_text(OTHER_BOOT)
    clock.BOOT_ID = name
    files.boot_id = lambda: OTHER_BOOT


def _fork_supervisor(home: Home) -> int:
    """Do what `python -m orchestrator.backends.supervisor` does; return its process number."""
    hear, say = os.pipe()
    process = os.fork()
    if process == 0:
        os.closerange(3, say)
        os.closerange(say + 1, 256)
        os.chdir(home.backend("local"))
        os.setsid()
        served = supervisor.take_over(IDLE_SECONDS)
        os.write(say, b"ready")
        os.close(say)
        if served is not None:
            served.serve()
        os._exit(0)
    os.close(say)
    said = os.read(hear, 5)
    os.close(hear)
    if said != b"ready":
        raise OSError("the supervisor did not start")
    return process
