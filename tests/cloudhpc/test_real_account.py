"""A real account, where the environment names one; and that this would be tried in earnest."""

import os
import subprocess
import sys
from pathlib import Path

from orchestrator.backends.cloudhpc import KIND
from orchestrator.testing.contract import AccountContract, running
from tests.cloudhpc.test_service import TestUnderFaults as UnderFaults

VARIABLE = "ORCHESTRATOR_TEST_CLOUDHPC"
JOB = '[run]\nscript = "custom-script-u24"\ncpu = 1\nram = "standard"\n'

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
            (tmp_path / "job.toml").write_text(JOB)
            (tmp_path / "inputs").mkdir()
            (tmp_path / "inputs/run.sh").write_text("exec sleep 1000\n")
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
