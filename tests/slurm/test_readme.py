"""The README's example for Slurm, through the real service to a real Slurm and back."""

from pathlib import Path

import pytest

from tests.hardship.service import Service
from tests.slurm.cluster import Cluster
from tests.slurm.conftest import NEEDS
from tests.test_readme import _files

pytestmark = pytest.mark.needs(*NEEDS)


def test_the_example_for_slurm_computes_squares(
    cluster: Cluster, program: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    """Somebody's first job on his cluster would fail, or bring something else than is written."""
    files = _files()
    (tmp_path / "shared").mkdir()
    (tmp_path / "squares").mkdir()
    (tmp_path / "squares/job.toml").write_text(files["squares/job.toml"])
    config = files["with-slurm.toml"].replace("/shared/alice/orchestrator", f"{tmp_path}/shared")
    environment |= {"SLURM_CONF": cluster.environment["SLURM_CONF"], "SLURM_JWT": cluster.token()}
    environment["PATH"] = cluster.environment["PATH"]
    service = Service(tmp_path / "home", tmp_path, program, environment)
    try:
        service.init(config=config.replace("http://head.example.org:6820", cluster.url))
        done = service.ask("submit", tmp_path / "squares")
        assert done.returncode == 0, done
        assert service.finish() == 0, service.said
    finally:
        service.end_processes()
    (outputs,) = service.home.glob("results/squares-*/latest/outputs")
    found = {path.name: path.read_text() for path in outputs.iterdir()}
    assert found == {f"square.{n}": f"{n} {n * n}\n" for n in (1, 2, 3)}
    assert not list((tmp_path / "shared").iterdir()), "what is stored here is forgotten there"
