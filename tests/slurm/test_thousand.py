"""Jobs through the real daemon to a real Slurm and back, both ended on the way."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.conftest import ROOT
from tests.slurm.cluster import Cluster
from tests.slurm.conftest import NEEDS
from tests.slurm.ground.telling import COMMANDS, WAYS
from tests.slurm.ground.waiting import until
from tests.slurm.passing import Passage

pytestmark = pytest.mark.needs(*NEEDS)


def test_a_few_jobs_run_once_each_through_kills_and_a_restart(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Somebody's computation would be made twice, lost, or taken for another's.

    What looks for that is shown a run that was made twice, a result that is another's, and a job
    that accounting has too often.
    """
    with closing(Passage(cluster, tmp_path, 20, COMMANDS)) as passage:
        passage.go(Random(1), kills=2, restarts=1)
        bad, _ = passage.accounted()
        assert [*bad, *passage.wrong(), *passage.faults()] == []

        with (passage.marks / "3").open("a") as file:
            file.write("1\n")
        (result,) = passage.daemon.home.glob("results/square-4-*/1/outputs/square.txt")
        result.write_text("25\n")
        bad = [*passage.wrong()]
        assert bad[0] == "square-3 ran 2 times"
        assert bad[1].startswith("square-4 has not the one right result")
        assert len(bad) == 2, bad

        ((key,),) = passage.daemon.rows("SELECT key FROM run LIMIT 1")
        cluster.run("sbatch", f"--job-name={key}", "--output=/dev/null", "--wrap=true")
        (again,) = until(lambda: passage.accounted()[0])
        assert key in again


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("way", WAYS)
def test_a_thousand_jobs_run_once_each(way: str) -> None:
    """It would hold for twenty jobs, and not for a week of them."""
    program = [sys.executable, str(ROOT / "tests/slurm/thousand.py"), f"--way={way}"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 bad" in done.stdout
