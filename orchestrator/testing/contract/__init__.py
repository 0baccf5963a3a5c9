"""What every backend must do, as tests that any backend joins in about fifteen lines.

class TestMine(BackendContract):
    @pytest.fixture
    async def place(self, tmp_path):
        bodies = Bodies(
            writes=lambda name, times: {...},  # options of a run that leaves such a file
            copies=lambda source, name: {...},  # that copies an input to an output
            fails=lambda code: {...},
            sleeps={...},                       # that runs until it is stopped
        )
        async with open_place(KIND, KIND.options(), tmp_path, bodies) as place:
            yield place
"""

import pytest

pytest.register_assert_rewrite("orchestrator.testing.contract.suite")

from orchestrator.testing.contract.place import Bodies, Place, open_place  # noqa: E402 - first, rewrite
from orchestrator.testing.contract.suite import BackendContract  # noqa: E402

__all__ = ["BackendContract", "Bodies", "Place", "open_place"]
