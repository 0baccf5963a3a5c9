"""A real account, where the environment names one; and that this would be tried in earnest."""

import os
import subprocess
import sys
from pathlib import Path

from orchestrator.backends.thecrossproduct import KIND
from orchestrator.testing.contract import AccountContract, running
from tests.thecrossproduct.test_service import TestUnderFaults as UnderFaults

VARIABLE = "ORCHESTRATOR_TEST_THECROSSPRODUCT"

if VARIABLE in os.environ:

    class TestRealAccount(AccountContract):
        """Costs a run."""

        kind = KIND
        variable = VARIABLE

else:

    def test_an_account_that_is_named_is_tried(tmp_path: Path, environment: dict[str, str]) -> None:
        """Who names his account would see a test pass that never called it."""
        with running(UnderFaults.stand_in, tmp_path / "service", "process") as service:
            config = tmp_path / "orchestrator.toml"
            config.write_text(service.configuration, "utf-8")
            job = '[run]\napp = "emulator/shell"\ninputs = { script = "exec sleep 1000" }\n'
            (tmp_path / "job.toml").write_text(job)
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
            done = subprocess.run(
                [*command, "--basetemp", str(tmp_path / "base")],
                env=environment | {VARIABLE: str(config)},
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout
            assert "1 passed" in done.stdout
            assert len(service.told()["starts"]) == 1
            assert service.live() == []
