"""Jobs that come together share what one of them has asked: each call is one of a hundred."""

import json
from pathlib import Path

import anyio
import pytest

from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import shell
from tests.emulated import Emulated

pytestmark = pytest.mark.anyio
TOGETHER = 8
SEND, CLEAR = "POST /api/v2/storage/upload-url", "DELETE /api/v2/user/delete-cache"


async def test_jobs_that_begin_together_ask_once_what_there_is(
    place: Place, emulated: Emulated
) -> None:
    """Eleven jobs would spend half an hour's calls on the lists of cpus and scripts, and wait."""
    runs = [place.run(str(number), shell("true")) for number in range(TOGETHER)]
    async with anyio.create_task_group() as group:
        for run in runs:
            group.start_soon(place.ready, run)
    calls = emulated.told()["calls"]
    for what in ("cpu", "ram", "scripts"):
        assert calls[f"GET /api/v2/simulation/view-{what}"] == 1
    listed = "GET /api/v2/simulation/index-short/{field}/{direction}/{page}"
    assert calls[listed] == 1  # for the highest id before any of them
    assert calls[SEND] == TOGETHER


async def test_runs_that_ended_together_clear_the_cache_once(
    place: Place, emulated: Emulated
) -> None:
    """A daemon that starts again with ended runs would spend the hour on beginning with each."""
    runs = [
        await place.started(place.run(str(number), shell("date > date")))
        for number in range(TOGETHER)
    ]
    for run in runs:
        await place.end(run)
    await place.reopen()
    before = emulated.calls(CLEAR)
    async with anyio.create_task_group() as group:
        for run in runs:
            group.start_soon(place.outputs, run)
    assert emulated.calls(CLEAR) == before + 1


async def test_archives_are_sent_one_after_the_other(place: Place, tmp_path: Path) -> None:
    """An hour's calls would begin to send for every job, and not one of them could start."""
    runs = [place.run(str(number), shell("true")) for number in range(TOGETHER)]
    async with anyio.create_task_group() as group:
        for run in runs:
            group.start_soon(place.ready, run)
    log = (tmp_path / "service/calls.log").read_text().splitlines()
    calls = [call for line in log if (call := json.loads(line)["call"]) in {SEND, CLEAR}]
    assert calls == [SEND, CLEAR] * TOGETHER
