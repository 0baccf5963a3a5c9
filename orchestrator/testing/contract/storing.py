"""Files that travel by addresses which the service names: nowhere else, and not into the wind."""

import hashlib
import socket
from pathlib import Path

import pytest

from orchestrator.backend import ProtocolError, TransientError
from orchestrator.testing.contract.ground import Ground, assert_fit_to_show
from orchestrator.testing.contract.place import Place
from orchestrator.testing.contract.service import Service
from orchestrator.testing.contract.transfers import ended, harvest
from orchestrator.testing.contract.verbs import TIMES


class StorageContract(Ground):
    """Tests that a kind joins, too, whose files go to a storage by presigned addresses."""

    async def test_a_signed_address_elsewhere_gets_no_call(
        self, place: Place, service: Service, tmp_path: Path
    ) -> None:
        """A service could have us call hosts of our own network, and send them our files."""
        source = tmp_path / "deck"
        source.write_bytes(b"secret geometry")
        run = await ended(place)
        with socket.create_server(("127.0.0.2", 0)) as elsewhere:
            elsewhere.settimeout(0)
            service.put(f"foreign-host=http://127.0.0.2:{elsewhere.getsockname()[1]}")
            errors = []
            staged = place.run("2", place.bodies.copies("in.dat", "out.dat"))
            with pytest.raises(ProtocolError) as caught:
                await harvest(place, run, tmp_path / "staging")
            errors.append(caught.value)
            with pytest.raises(ProtocolError) as caught:
                await place.staged(staged, "in.dat", source)
            errors.append(caught.value)
            with pytest.raises(BlockingIOError):
                elsewhere.accept()
        assert service.told()["fired"]["foreign-host"] >= len(errors)
        assert_fit_to_show(errors, service)

    async def test_a_page_in_place_of_the_storage_takes_no_input(
        self, place: Place, service: Service, tmp_path: Path
    ) -> None:
        """A job would fail for good because something on the way said yes to everything."""
        source = tmp_path / "deck"
        deck = place.bodies.content(TIMES)
        source.write_bytes(deck)
        run = place.run("1", place.bodies.copies("in.dat", "out.dat"))
        service.put("expired-urls", "html,on=PUT /s3/*")
        with pytest.raises((TransientError, ProtocolError)):
            await place.staged(run, "in.dat", source)
        service.put()
        _, staged = await place.staged(run, "in.dat", source)
        assert staged.sha256 == hashlib.sha256(deck).hexdigest()
