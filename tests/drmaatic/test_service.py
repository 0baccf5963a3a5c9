"""The `drmaatic` backend keeps its contract while the service fails in every way."""

from pathlib import Path

import pytest

from orchestrator.backends.drmaatic import KIND
from orchestrator.emulators.drmaatic.kind import KIND as EMULATED
from orchestrator.testing.contract import ServiceContract, StandIn
from tests.drmaatic.conftest import BODIES, RUNS
from tests.emulated import EndsBeside


def _set_token(root: Path, password: str) -> None:
    file = root / "tokens" / "alice"
    file.parent.mkdir(mode=0o700)
    file.touch(mode=0o600)
    file.write_bytes(password.encode("ascii", "ignore"))  # it is sent in a header


def stand_in(year: str) -> StandIn:
    """Return what the suite must know of the service in one dialect."""
    return StandIn(
        kind=KIND,
        emulated=EMULATED,
        bodies=BODIES,
        starts=f"POST /{RUNS[year]}/",
        set_password=_set_token,
        own=("odd-status", "wrong-uuid,on=GET *", "slow-submit=0.2", "page-shift"),
        hiding=("list-lag=60",),
        hostile_names=("hostile-names",),
        clean_up={"remove": "run"},
        dials={"dialect": float(year)},
        fetches=f"GET /{RUNS[year]}/*/file/*",
        gives=False,
        unseen=("wrong-bytes", "short-length"),
        spare=40,  # the end of a form; what it needs comes before
    )


class In2025(EndsBeside, ServiceContract):
    """The stand-in in a thread."""

    stand_in = stand_in("2025")


class TestUnderFaults(In2025):
    """The dialect of today."""


class TestUnderFaultsIn2023(In2025):
    """The dialect of the published document."""

    stand_in = stand_in("2023")


@pytest.mark.long  # of the everyday share, the daemon's own run under faults is against a process
class TestProcessUnderFaults(In2025):
    """The stand-in as a process of its own."""

    form = "process"
