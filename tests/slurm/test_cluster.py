"""The Slurm that tests run on: what they rely on when they blame a backend."""

from pathlib import Path

import pytest

from tests.emulators.talking import until
from tests.slurm.cluster import Cluster
from tests.slurm.conftest import NEEDS

pytestmark = pytest.mark.needs(*NEEDS)


def test_a_job_goes_through_and_accounting_knows_its_end(cluster: Cluster, tmp_path: Path) -> None:
    """Else every test of the backend would wait for a job that cannot run."""
    script = f"echo done > {tmp_path}/mark; exit 4"
    job = cluster.run("sbatch", "--parsable", "--output=/dev/null", "--wrap", script).strip()
    command = ("sacct", "-X", "-P", "-n", "-j", job, "-o", "state,exitcode")
    assert until(lambda: "FAILED" in (told := cluster.run(*command)) and told) == "FAILED|4:0\n"
    assert (tmp_path / "mark").read_text() == "done\n"
