"""The contract of a place that cannot stop what it has started."""

from dataclasses import replace

from orchestrator.backend import Alive, Finished
from orchestrator.testing.contract.place import Place


class UnstoppableContract:
    """Tests that a backend joins, by the same fixture `place`, whose `Traits.stops` is False."""

    async def test_the_place_says_that_it_cannot_stop_a_run(self, place: Place) -> None:
        """A person would be told that a run is being stopped which goes on."""
        assert not place.backend.traits.stops

    async def test_a_cancel_says_how_a_person_can_and_changes_nothing(self, place: Place) -> None:
        """A person would not know what to do, or the run be spoilt by what cannot end it."""
        run = replace(await place.started(place.run("1", place.bodies.sleeps)), stopping=True)
        said = await place.cannot_stop(run)
        await place.reopen()
        assert await place.cannot_stop(run) == said, "it is asked for at every look"
        free = await place.started(place.run("2", place.bodies.fails(0)))
        await place.end(free)  # whatever a cancel brings about, it would have by now
        assert isinstance(await place.poll(run), Alive)
        end = await place.end(await place.cancelled(run))
        assert isinstance(end, Finished)
        assert (end.ok, end.stopped) == (False, "cancel"), "a person was sent to stop it"

    async def test_what_ends_by_itself_is_told_as_it_was(self, place: Place) -> None:
        """A whole result would be called cancelled because somebody had wished for that."""
        run = await place.started(place.run("1", place.bodies.writes("out.bin", 1)))
        run = replace(run, stopping=True)
        await place.cannot_stop(run)
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert (end.ok, end.stopped) == (True, None)
        assert await place.outputs(run) == {place.bodies.named("out.bin"): place.bodies.content(1)}

    async def test_a_failure_by_itself_is_a_failure(self, place: Place) -> None:
        """A person would look for who stopped a run that has failed."""
        run = await place.started(place.run("1", place.bodies.fails(3)))
        run = replace(run, stopping=True)
        await place.cannot_stop(run)
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert (end.ok, end.stopped) == (False, None)
