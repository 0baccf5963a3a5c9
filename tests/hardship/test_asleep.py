"""The machine sleeps: what came due meanwhile is done soon after it wakes, once, and no sooner."""

import time
from pathlib import Path

import pytest

from tests.hardship.clock import DAY, Clocks
from tests.hardship.conftest import MakeService
from tests.hardship.service import Service

HOUR = 3600
JOBS = 30  # that all come due in one night


def _paused(service: Service, count: int) -> list[str]:
    """Let jobs fail once, and wait an hour and a half for their second run."""
    names = [f"again-{number}" for number in range(count)]
    for name in names:
        service.drop(name, "exit 1", "retry = { attempts = 2, delay = '50 min' }")
    for name in names:
        service.until_shown(name, "WAITING")
    return names


def _second_runs(service: Service) -> int:
    return len(service.ledger.read_text().split())


def test_a_machine_that_slept_while_the_daemon_lived(
    tmp_path: Path, service_at: MakeService
) -> None:
    """After a night the daemon would go on waiting for what came due in it."""
    clocks = Clocks(tmp_path / "clocks")
    service = service_at(tmp_path / "home")
    service.program = clocks.program
    service.init()
    service.serve()
    names = _paused(service, 4)
    clocks.slept(HOUR / 2)
    service.heard("the ballast is made")
    assert _second_runs(service) == len(names), "half of the pause was taken for all of it"
    clocks.slept(HOUR)
    woke = time.monotonic()
    for name in names:  # without a look at that clock, half an hour from now
        service.until_shown(name, "FAILED")
    print(f"second runs ended {time.monotonic() - woke:.1f} s after waking")  # noqa: T201 - a figure
    assert service.stop() == 0
    service.assert_sound(*names, *names)


@pytest.mark.needs("root", "unshare")
@pytest.mark.parametrize("slept", [pytest.param(HOUR, marks=pytest.mark.long), DAY])
def test_a_restart_after_a_sleep(tmp_path: Path, service_at: MakeService, slept: int) -> None:
    """What the kernel counts as asleep would not count, or count as work for everybody at once."""
    service = service_at(tmp_path / "home")
    service.init()
    service.serve()
    gate = service.beside / "gate"
    service.drop("long", f"while [ ! -e {gate} ]; do sleep 0.02; done", "limits.time = '50 min'")
    service.until_shown("long", "RUNNING")
    names = _paused(service, JOBS)
    service.kill()

    service.wrapper = ["unshare", "--time", "--boottime", str(slept)]
    service.serve()
    most = 0
    woke = time.monotonic()
    for name in names:
        service.until_shown(name, "FAILED")
        ((running,),) = service.rows("SELECT count(*) FROM run WHERE state = 'running'")
        most = max(most, running)
    print(f"{JOBS} runs ended {time.monotonic() - woke:.1f} s after waking")  # noqa: T201 - a figure
    assert most <= 4, "more than max_runs at once"
    age_of_long = "SELECT home.steady - run.started FROM home, run WHERE run.ended_at IS NULL"
    ((age,),) = service.rows(age_of_long)
    assert slept <= age < slept + 300, "the time asleep is part of a run's age"
    assert service.shown("long") == "RUNNING"  # but not of its time limit: it slept, too
    gate.touch()
    service.until_shown("long", "SUCCEEDED")
    assert service.stop() == 0
    service.assert_sound("long", *names, *names)
