"""The benchmark command, so small that its figures mean nothing."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.needs("curl")
def test_the_benchmark_measures_every_figure(environment: dict[str, str]) -> None:
    """Its figures stand in the README: whoever doubts them could not measure again."""
    few = ["--jobs", "3", "--drops", "1", "--queued", "20", "--seconds", "0.05"]
    few += ["--transfer", "0.01"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmark", *few],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = re.findall(r"^(.+?) {2,}([\d.]+)", done.stdout, re.MULTILINE)
    assert len(figures) == 13, done.stdout
    assert all(float(figure) > 0 for what, figure in figures if not what.startswith("idle"))
