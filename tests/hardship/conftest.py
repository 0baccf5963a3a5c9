"""Small disks, services on them, and nothing left of either."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hardship.disk import Disk, Kind, make_disk
from tests.hardship.service import Service

MakeDisk = Callable[..., Disk]
MakeService = Callable[..., Service]


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[MakeDisk]:
    """Return a way to make small disks; they are gone after the test."""
    made: list[Disk] = []

    def make(kind: Kind, **limits: int) -> Disk:
        made.append(make_disk(tmp_path / f"disk-{len(made)}", kind, **limits))
        return made[-1]

    yield make
    for disk in made:
        disk.unmount(lazily=True)
        disk.image.unlink(missing_ok=True)


@pytest.fixture
def service_at(
    tmp_path: Path,
    program: list[str],
    environment: dict[str, str],
    disk_of: MakeDisk,  # noqa: ARG001 - disks end after what runs on them
) -> Iterator[MakeService]:
    """Return a way to make services; their processes end with the test, before their disks."""
    made: list[Service] = []

    def make(home: Path, **more: Any) -> Service:
        beside = tmp_path / f"beside-{len(made)}"
        beside.mkdir()
        service = Service(home, beside, program, environment, **more)
        made.append(service)
        return service

    yield make
    for service in made:
        service.end_processes()
