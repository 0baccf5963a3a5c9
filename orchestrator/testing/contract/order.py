"""The contract of a place that holds runs back by itself, behind other runs of it."""

from dataclasses import replace

from orchestrator.backend import Alive, Finished, Found, Run
from orchestrator.testing.contract.place import Options, Place


class OrderContract:
    """Tests that a backend joins, by the same fixture `place`, which has `Traits.starts_after`."""

    async def test_the_place_says_that_it_holds_runs_back(self, place: Place) -> None:
        """Its jobs would each wait here until the one before has ended."""
        assert place.backend.traits.starts_after

    async def test_a_run_starts_when_those_before_it_have_ended_well(self, place: Place) -> None:
        """A chain of jobs would stand still, or its last would not be known to have ended."""
        one = await place.started(place.run("1", place.bodies.writes("one.bin", 1)))
        two = await place.started(place.run("2", place.bodies.writes("two.bin", 1)))
        last = await _behind(place, "3", place.bodies.writes("out.bin", 1), one, two)
        end = await place.end(last)
        assert isinstance(end, Finished)
        assert end.ok
        for run in (one, two):
            before = await place.poll(run)
            assert isinstance(before, Finished), "it had not ended yet"
            assert before.ok
        assert set(await place.outputs(last)) == {"out.bin"}

    async def test_a_run_waits_as_long_as_one_before_it_goes_on(self, place: Place) -> None:
        """A solver would start without its mesh; also after a restart, or behind the other one."""
        done = await place.started(place.run("1", place.bodies.writes("one.bin", 1)))
        lives = await place.started(place.run("2", place.bodies.sleeps))
        held = await _behind(place, "3", place.bodies.writes("out.bin", 1), done, lives)
        await place.end(done)
        await place.reopen()
        free = await place.started(place.run("4", place.bodies.writes("out.bin", 1)))
        await place.end(free)  # as quick as the other, and submitted after it
        assert isinstance(await place.poll(held), Alive)
        assert isinstance(await place.backend.find(held), Found)
        await _never_starts(place, held, await place.cancelled(lives))

    async def test_a_run_never_starts_after_a_failure(self, place: Place) -> None:
        """A solver would compute with what a failed job has left, and be paid for."""
        fails = await place.started(place.run("1", place.bodies.fails(3)))
        held = await _behind(place, "2", place.bodies.writes("out.bin", 1), fails)
        last = await _behind(place, "3", place.bodies.writes("out.bin", 1), held)
        await _never_starts(place, held, fails)
        await _never_starts(place, last, held)

    async def test_a_run_that_is_held_back_can_be_cancelled(self, place: Place) -> None:
        """What nobody wants any more would start, hours later."""
        lives = await place.started(place.run("1", place.bodies.sleeps))
        held = await _behind(place, "2", place.bodies.writes("out.bin", 1), lives)
        held = await place.cancelled(held)
        end = await place.end(held)
        assert isinstance(end, Finished)
        assert (end.ok, end.stopped) == (False, "cancel")
        assert await place.outputs(held) == {}
        assert isinstance(await place.poll(lives), Alive), "the other one was cancelled"
        await place.end(await place.cancelled(lives))


async def _behind(place: Place, key: str, options: Options, *others: Run) -> Run:
    """Submit a run behind others; return it as it is known from then on."""
    after = tuple(str(other.remote_id) for other in others)
    run = await place.started(replace(place.run(key, options), after=after))
    return replace(run, after=())  # it is told at the submit


async def _never_starts(place: Place, held: Run, before: Run) -> None:
    """Wait for the bad end of a run, and of the one behind it; see that this left nothing."""
    for run in (before, held):
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert not end.ok
    assert await place.outputs(held) == {}
