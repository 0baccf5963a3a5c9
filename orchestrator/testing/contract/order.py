"""The contract of a place that holds runs back by itself, behind other runs of it."""

from dataclasses import replace

from orchestrator.backend import Absent, Alive, Finished, Found, Run, TransientError
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
        lives = await place.started(place.run("1", place.bodies.sleeps))
        held = await _behind(place, "2", place.bodies.writes("out.bin", 1), lives)
        last = await _behind(place, "3", place.bodies.writes("out.bin", 1), held)
        await _never_starts(place, held, await place.cancelled(lives))
        await _never_starts(place, last, held)

    async def test_behind_a_run_that_has_failed_nothing_starts(self, place: Place) -> None:
        """What was submitted at the moment of a failure would start: the place may refuse it."""
        fails = await place.started(place.run("1", place.bodies.fails(3)))
        wanted = place.run("2", place.bodies.writes("out.bin", 1))
        held = await _tried(place, replace(wanted, after=(str(fails.remote_id),)))
        if isinstance(held, TransientError):
            assert held.effect == "none"
            assert isinstance(await place.backend.find(wanted), Absent)
        else:
            await _never_starts(place, replace(held, after=()), fails)

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
    """Submit a run behind others; return it as it is known from then on.

    A place need not take it behind one that has ended by then: the engine looks at that first.
    """
    left = list(others)
    while True:
        after = tuple(str(one.remote_id) for one in left)
        run = await _tried(place, replace(place.run(key, options), after=after))
        if isinstance(run, Run):
            return replace(run, after=())  # it is told at the submit
        assert run.effect == "none"
        ended = [one for one in left if isinstance(await place.poll(one), Finished)]
        assert ended, run
        left = [one for one in left if one not in ended]


async def _tried(place: Place, run: Run) -> Run | TransientError:
    try:
        return await place.started(run)
    except TransientError as error:
        return error


async def _never_starts(place: Place, held: Run, before: Run) -> None:
    """Wait for the bad end of a run; see that the one behind it ends badly, or not by itself."""
    end = await place.end(before)
    assert isinstance(end, Finished)
    assert not end.ok
    free = await place.started(place.run(f"9{held.key[-3:]}", place.bodies.writes("out.bin", 1)))
    await place.end(free)  # as quick as the other
    answer = await place.poll(held)
    assert isinstance(answer, Alive) or (isinstance(answer, Finished) and not answer.ok)
    end = await place.end(await place.cancelled(held))
    assert isinstance(end, Finished)
    assert not end.ok
    assert await place.outputs(held) == {}
