"""What every test shares."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.warm import Warm, warmed

ROOT = Path(__file__).parents[1]

PACKAGES = {  # where the package is not called as the program
    "7z": "p7zip-full",
    "bsdtar": "libarchive-tools",
    "ccx": "calculix-ccx",
    "systemd-analyze": "systemd",
    "systemd-nspawn": "systemd-container",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "mkfs.btrfs": "btrfs-progs",
    "unshare": "util-linux",
    "mariadbd": "mariadb-server",
    "munged": "munge",
    "sbatch": "slurm-client",
}


for _ignored, _default in (  # under nohup, or behind & in a script, every child would ignore them
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
):
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, _default)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """Let `-n auto` mean one more than there are processors: many tests wait, and work little."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the profile in which the first example that fails is enough."""
    if config.getoption("--hypothesis-profile", None) == "planted":
        from hypothesis import Phase, settings  # noqa: PLC0415 - slow to import, and seldom needed

        phases = [Phase.explicit, Phase.generate]
        settings.register_profile("planted", phases=phases, deadline=None)


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio only: aiosqlite and apscheduler know no other."""
    return "asyncio"


@pytest.fixture(scope="session")
def ending() -> Iterator[Callable[[Callable[[], None]], None]]:
    """End services beside the tests that follow: each takes a fifth of a second, in which it waits.

    Whatever goes wrong at an end is raised after the last test.
    """
    with ThreadPoolExecutor(4) as pool:
        ends: list[Future[None]] = []
        yield lambda end: ends.append(pool.submit(end))
        for end in ends:
            end.result()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tool is missing and say so; in CI a missing tool is an error."""
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            missing = os.geteuid() != 0 if tool == "root" else shutil.which(tool) is None
            if not missing:
                continue
            hint = "run as root" if tool == "root" else f"install {PACKAGES.get(tool, tool)}"
            if os.environ.get("CI"):
                pytest.fail(f"CI must have {tool!r}: {hint}")
            pytest.skip(f"needs {tool}: {hint}")


@pytest.fixture
def program() -> list[str]:
    """The command `orchestrator`, as an argument list; its home must be given by the test."""
    return [sys.executable, "-m", "orchestrator"]


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """A way to run commands of the program that spares each of them the start."""
    with warmed() as warm:
        yield warm


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A plain environment for programs that a test starts: no proxies, no home of a person."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
