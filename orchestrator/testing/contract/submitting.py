"""Submit under every fault: exactly one start in the end, and the right word for each failure."""

from pathlib import Path

import pytest

from orchestrator.backend import TransientError
from orchestrator.testing.contract.expected import SLOW, STRUCK
from orchestrator.testing.contract.ground import Ground, assert_fit_to_show
from orchestrator.testing.contract.place import Place
from orchestrator.testing.contract.playing import Player, forget_all, one_start
from orchestrator.testing.contract.service import Service
from orchestrator.testing.cutting import cutting_proxy

QUICK = sorted(set(STRUCK) - set(SLOW))


class SubmitUnderFaults(Ground):
    """Tests of `submit` and `find`."""

    @pytest.mark.parametrize("fault", QUICK)
    async def test_a_submit_that_is_struck_starts_one_run(
        self, place: Place, service: Service, fault: str
    ) -> None:
        """A job would run twice, or never, after a bad moment of the service."""
        player = await self._strike(place, service, fault)
        await self._end_well(player)

    @pytest.mark.parametrize("fault", SLOW)
    async def test_a_submit_ends_within_its_limit(
        self, place: Place, service: Service, fault: str
    ) -> None:
        """A service that dawdles would stop the daemon, or be taken for one that did nothing."""
        await place.backend.find(place.run("1", place.bodies.fails(0)))  # it has logged in
        with self.impatience():
            player = await self._strike(place, service, fault)
        await self._end_well(player)

    async def test_what_only_this_service_does_wrong_starts_no_second_run(
        self, place: Place, service: Service
    ) -> None:
        """A job would run twice, or be taken for somebody else's."""
        for number, fault in enumerate(self.stand_in.own):
            player = Player(place, service, place.run(str(number), place.bodies.fails(0)))
            service.put(fault)
            await player.step()
            await player.step()
            await one_start(player)
            assert_fit_to_show(player.errors, service)

    async def test_a_run_that_is_found_is_the_one_that_was_started(
        self, place: Place, service: Service
    ) -> None:
        """A job would follow, cancel and harvest the run of another."""
        for number, fault in enumerate(self.stand_in.own):
            player = Player(place, service, place.run(str(number), place.bodies.fails(0)))
            service.put(f"drop-after,on={self.stand_in.starts}")
            await player.step()
            assert player.doubtful
            service.put(fault)
            await player.step()
            await one_start(player)

    async def test_nobody_at_home_is_no_doubt(
        self, place: Place, service: Service, tmp_path: Path
    ) -> None:
        """Every job would wait out the window, although nothing was sent."""
        run = await place.ready(place.run("1", place.bodies.fails(0)))
        host, port = service.address
        with cutting_proxy(host, port) as proxy:
            url = service.url.replace(f":{port}", f":{proxy.port}")
            async with self.place_at(service, tmp_path / "via", url=url) as via:
                await via.started(via.run("2", via.bodies.fails(0)))  # it knows its way now
                proxy.hang_up()
                with pytest.raises(TransientError) as caught:
                    await via.backend.submit(run)
        assert caught.value.effect == "none"
        assert service.starts(run) == []

    async def _strike(self, place: Place, service: Service, fault: str) -> Player:
        """Strike the call that starts the run, then every call."""
        player = Player(place, service, place.run("1", place.bodies.fails(0)))
        service.put(f"{fault},on={self.stand_in.starts}")
        await player.step()
        [error] = player.errors
        assert STRUCK[fault].fits(error), (type(error), error.effect, error.retry_after, str(error))
        struck = service.told()["fired"][fault.partition("=")[0]]
        assert struck == 1, "a backend makes the call once, and leaves all else to the engine"
        service.put(fault)
        await player.step()
        await forget_all(place)
        await player.step()
        return player

    async def _end_well(self, player: Player) -> None:
        await one_start(player)
        assert_fit_to_show(player.errors, player.service)
