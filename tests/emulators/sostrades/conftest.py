"""One emulated SoSTrades for each file of tests; each test begins without faults."""

from collections.abc import Iterator

import pytest

from orchestrator.emulators.server import Settings, Told, serving
from orchestrator.emulators.sostrades.kind import KIND
from tests.emulators.sostrades.asking import Client


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Return an emulated SoSTrades."""
    settings = Settings(step=0.01, dials={"studies": 4})
    with serving(KIND, tmp_path_factory.mktemp("emulator"), settings) as answer:
        yield answer


@pytest.fixture
def me(told: Told) -> Iterator[Client]:
    """Return everybody who calls, at a release in which everything works."""
    client = Client(told)
    client.set(repaired=1)
    yield client
    client.close()


@pytest.fixture
def slow(me: Client) -> int:
    """Return a new study that sleeps as long as it is told, then multiplies a table."""
    return me.add()
