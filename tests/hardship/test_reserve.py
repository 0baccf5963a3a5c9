"""What a run reserved at its start is enough to note its end on a disk without a free byte."""

import os

import anyio
import pytest

from orchestrator.backend import Finished
from orchestrator.backends.local import KIND
from orchestrator.testing.contract import open_place
from tests.backends.helpers import BODIES, gone, polled, supervisor_of
from tests.hardship.conftest import MakeDisk

pytestmark = pytest.mark.needs("root", "mount", "mkfs.ext4")


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
async def test_an_end_is_noted_on_a_full_disk(disk_of: MakeDisk, kind: str) -> None:
    """Should the power fail before there is room, a day's run would count as lost."""
    disk = disk_of(kind)
    gate = disk.root.parent / f"gate-{kind}"
    os.mkfifo(gate)
    async with open_place(KIND, KIND.options(), disk.root / "local", BODIES) as place:
        run = place.run("1", {"script": f"read line < '{gate}'; exit 3"})
        await place.backend.submit(run)
        disk.fill()
        assert disk.free() <= 1024
        async with await anyio.open_file(gate, "w") as file:
            await file.write("go on\n")
        finished = await polled(place, run, Finished)
        assert finished.exit_code == 3
        keeper = await supervisor_of(place)
        os.kill(keeper, 9)
        await gone(keeper)
        assert (await polled(place, run, Finished)).exit_code == 3, "only its keeper knew it"
