"""That the test of a real account would be run in earnest, for whoever names one."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from orchestrator.testing.contract import StandIn, running


def assert_it_is_tried(
    stand_in: StandIn,
    test: str,
    folder: Path,
    environment: Mapping[str, str],
    files: Mapping[str, str],
) -> None:
    """Run a file of tests with its variable naming a stand-in: one run is started, and stopped.

    `environment` lacks the variable, whose name is that of the kind. `files` are texts by their
    path beside the configuration: job.toml, and inputs below `inputs`.
    """
    variable = f"ORCHESTRATOR_TEST_{stand_in.kind.name.upper()}"
    with running(stand_in, folder / "service", "process") as service:
        config = folder / "orchestrator.toml"
        config.write_text(service.configuration, "utf-8")
        for path, text in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
        done = subprocess.run(
            [*command, "--basetemp", str(folder / "base")],
            env={**environment, variable: str(config)},
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "1 passed" in done.stdout
        assert len(service.told()["starts"]) == 1
        assert service.live() == []
