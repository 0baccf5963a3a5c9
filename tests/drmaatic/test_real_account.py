"""A real account, where the environment names one; and that this would be tried in earnest."""

import os
from pathlib import Path

from orchestrator.backends.drmaatic import KIND
from orchestrator.testing.contract import AccountContract
from tests.accounts import assert_it_is_tried
from tests.drmaatic.test_service import TestUnderFaults as UnderFaults

VARIABLE = "ORCHESTRATOR_TEST_DRMAATIC"
JOB = '[run]\ntask = "shell"\nfiles = { script = "run.sh" }\n'

if VARIABLE in os.environ:

    class TestRealAccount(AccountContract):
        """Costs a run."""

        kind = KIND
        variable = VARIABLE

else:

    def test_an_account_that_is_named_is_tried(tmp_path: Path, environment: dict[str, str]) -> None:
        """Who names his account would see a test pass that never called it."""
        files = {"job.toml": JOB, "inputs/run.sh": "exec sleep 1000\n"}
        assert_it_is_tried(UnderFaults.stand_in, __file__, tmp_path, environment, files)
