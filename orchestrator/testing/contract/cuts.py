"""A submit whose connection is cut after any byte of it, both ways: always one start in the end."""

from pathlib import Path
from random import Random

import pytest

from orchestrator.testing.contract.ground import Ground, assert_fit_to_show
from orchestrator.testing.contract.place import Place
from orchestrator.testing.contract.playing import Player, one_start
from orchestrator.testing.contract.service import Service
from orchestrator.testing.cutting import Cut, Direction, Proxy, cutting_proxy

SAMPLE = 20  # points in each direction
UNCUT = 1 << 30  # bytes


class CutSubmits(Ground):
    """Tests of `submit` and `find` on lines that break."""

    @pytest.mark.parametrize("direction", ["up", "down"])
    async def test_a_submit_that_was_cut_starts_one_run(
        self, service: Service, tmp_path: Path, direction: Direction, seeded: Random | None
    ) -> None:
        """A job would run twice, or never, after its connection broke."""
        host, port = service.address
        with cutting_proxy(host, port) as proxy:
            url = service.url.replace(f":{port}", f":{proxy.port}")
            async with self.place_at(service, tmp_path / "place", url=url) as place:
                length = await self._length(place, proxy, direction)
                points = list(range(length))
                if seeded:  # and always the first and the last
                    points = sorted({0, length - 1, *seeded.sample(points, SAMPLE)})
                cuts = [Cut(direction, after) for after in points]
                starts = [await self._cut(place, service, proxy, cut) for cut in cuts]
        assert proxy.cuts == len(points)
        begun = sum(starts)
        print(f"{direction}: {len(points)} of {length} cuts, {begun} begun")  # noqa: T201 - a figure
        # On the way there the service never had all that it needs. On the way back it has done it,
        # but for the cut that comes before anything.
        most = sum(point >= length - self.stand_in.spare for point in points)
        assert begun <= most if direction == "up" else begun >= len(points) - 1

    @property
    def _starts(self) -> bytes:
        """How the call begins that starts a run."""
        return self.stand_in.starts.rstrip("*").encode()

    async def _length(self, place: Place, proxy: Proxy, direction: Direction) -> int:
        """Return how long a submit is that is not cut."""
        proxy.cut = Cut(direction, UNCUT, self._starts)
        await place.started(place.run("999999", place.bodies.fails(0)))
        proxy.cut = None
        return int(getattr(proxy.passed, direction))

    async def _cut(self, place: Place, service: Service, proxy: Proxy, cut: Cut) -> bool:
        """Cut one submit, then let it be resolved; return whether the cut one had begun a run."""
        run = place.run(f"{cut.after:06}", place.bodies.fails(0))
        player = Player(place, service, run)
        proxy.cut = cut._replace(match=self._starts)
        await player.step()
        proxy.cut = None
        [error] = player.errors
        assert error.effect == "possible", (cut, error)
        await service.quiet()
        begun = bool(service.starts(run))
        await one_start(player)
        assert_fit_to_show(player.errors, service)
        return begun
