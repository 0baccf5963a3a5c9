"""One emulated DRMAAtic of 2025 for each file of tests; each test begins without faults."""

from collections.abc import Iterator

import pytest

from orchestrator.emulators.drmaatic.kind import KIND
from orchestrator.emulators.server import Settings, Told, serving
from tests.emulators.drmaatic.asking import Client


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Return an emulated DRMAAtic."""
    with serving(KIND, tmp_path_factory.mktemp("emulator"), Settings(step=0.01)) as answer:
        yield answer


@pytest.fixture
def me(told: Told) -> Iterator[Client]:
    """Return everybody who calls; what still runs is ended with the test."""
    client = Client(told)
    client.set(**{dial.name: dial.default for dial in KIND.dials})
    yield client
    client.close()
