"""What the tests of Slurm share: one real Slurm for all tests of a worker."""

from collections.abc import Iterator

import pytest

from tests.slurm.cluster import Cluster, running

NEEDS = ("root", "slurmctld", "slurmd", "slurmdbd", "slurmrestd", "sbatch", "munged", "mariadbd")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Slurm that runs: whoever stops a part of it starts it again. For tests marked NEEDS."""
    with running() as cluster:
        yield cluster
