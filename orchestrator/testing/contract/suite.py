"""The contract of `orchestrator.backend.protocol.Backend`, clause by clause."""

import hashlib
from dataclasses import replace
from pathlib import Path

from orchestrator.backend import Absent, Alive, Finished, Found, Lost, Unclear
from orchestrator.core.spec import Outputs
from orchestrator.testing.contract.place import Place

TIMES = 5000  # so that it is more than one chunk


class BackendContract:
    """Tests that a backend joins by giving a fixture called `place`."""

    async def test_it_runs_once_and_its_output_comes_back_unchanged(self, place: Place) -> None:
        """A user would find a result that is not what the run wrote."""
        content = place.bodies.content(TIMES)
        run = await place.started(place.run("1", place.bodies.writes("out.bin", TIMES)))
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert (end.ok, end.exit_code, end.stopped) == (True, place.code(0), None)
        assert await place.outputs(run) == {place.bodies.named("out.bin"): content}
        [out] = [one for one in await place.backend.list_outputs(run) if not one.log]
        assert await place.read(run, out, 1_000_001) == content[1_000_001:]
        assert await place.read(run, out, len(content)) == b""

    async def test_a_failure_is_told_with_its_exit_code(self, place: Place) -> None:
        """A failed job would be shown as succeeded, or without the reason."""
        end = await place.end(await place.started(place.run("1", place.bodies.fails(3))))
        assert isinstance(end, Finished)
        assert (end.ok, end.exit_code, end.stopped) == (False, place.code(3), None)
        assert end.reason
        assert "3" in end.reason or not place.backend.traits.exit_codes

    async def test_an_input_is_brought_over_whole(self, place: Place, tmp_path: Path) -> None:
        """A run would compute from a damaged input, or inputs would come back as results."""
        source = tmp_path / "source"
        content = place.bodies.content(TIMES)
        source.write_bytes(content)
        run = place.run("1", place.bodies.copies("deck/in.dat", "out.dat"))
        for _ in range(2):  # a step is made again when its outcome was not recorded
            run, staged = await place.staged(run, "deck/in.dat", source)
            assert staged.size == len(content)
            assert staged.sha256 == hashlib.sha256(content).hexdigest()
        assert isinstance(await place.backend.find(run), Absent), "staging must not start anything"
        run = await place.started(run)
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert end.ok
        assert await place.outputs(run) == {place.bodies.named("out.dat"): content}

    async def test_the_spec_chooses_the_outputs(self, place: Place) -> None:
        """A user would get files he did not ask for, or miss those he asked for."""
        named = place.bodies.named
        wanted = Outputs(include=(named("*.dat"),), exclude=(named("scratch.dat"),))
        for key, name, kept in (
            ("1", "a.dat", True),
            ("2", "scratch.dat", False),
            ("3", "b", False),
        ):
            body = place.bodies.writes(name, 1)
            run = await place.started(place.run(key, body, outputs=wanted))
            await place.end(run)
            assert set(await place.outputs(run)) == ({named(name)} if kept else set())

    async def test_a_run_is_found_by_its_key(self, place: Place) -> None:
        """After a crash in the middle of a submit, a live run would be taken for missing."""
        run = place.run("1", place.bodies.sleeps)
        other = place.run("2", place.bodies.sleeps)
        assert isinstance(await place.backend.find(run), Absent)
        before, submitted = run, await place.ready(run)
        while submitted.remote_id is None:
            nothing = await place.backend.find(submitted)
            assert isinstance(nothing, Absent | Unclear), "to set up must not start anything"
            before, submitted = submitted, await place.further(submitted)
        found = await place.backend.find(before)  # by what is known when the answer is lost
        assert isinstance(found, Found)
        assert found.remote_id == submitted.remote_id
        assert found.evidence
        assert isinstance(await place.backend.find(other), Absent), "not our key"
        run = await place.cancelled(submitted)
        await place.end(run)
        assert isinstance(await place.backend.find(run), Found), "also after its end"

    async def test_cancel_ends_the_work(self, place: Place) -> None:
        """A cancelled job would go on computing."""
        run = await place.started(place.run("1", place.bodies.sleeps))
        assert isinstance(await place.poll(run), Alive)
        run = await place.cancelled(await place.cancelled(run))
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert (end.ok, end.stopped) == (False, "cancel")
        run = await place.cancelled(run)
        assert await place.poll(run) == end, "a cancel after the end changes nothing"

    async def test_a_run_outlives_the_daemon(self, place: Place) -> None:
        """A restart of the daemon would lose a run, or how it ended."""
        lives = await place.started(place.run("1", place.bodies.sleeps))
        fails = await place.started(place.run("2", place.bodies.fails(7)))
        await place.reopen()
        end = await place.end(fails)
        assert isinstance(end, Finished)
        assert (end.ok, end.exit_code) == (False, place.code(7))
        assert isinstance(await place.poll(lives), Alive)
        assert isinstance(await place.end(await place.cancelled(lives)), Finished)

    async def test_a_live_run_can_be_looked_at_and_goes_on(self, place: Place) -> None:
        """A person would wait a day to see what went wrong in a minute; or a look would end it."""
        run = await place.started(place.run("1", place.bodies.lingers("out.bin", TIMES)))
        live = replace(run, live=True)
        early = place.backend.traits.visible_after is not None
        content = place.bodies.content(TIMES)
        left = {place.bodies.named("out.bin"): content} if early else {}
        for _ in range(2):  # to look is safe to repeat
            await place.backend.sync(live)
            shown = await (place.seen(live, len(content)) if early else place.outputs(live))
            assert shown == left
            assert isinstance(await place.poll(run), Alive)
        end = await place.end(await place.cancelled(run))
        assert isinstance(end, Finished)
        assert end.stopped == "cancel"

    async def test_a_look_leaves_the_result_as_it_is(self, place: Place) -> None:
        """What was seen while a run went on would be taken for all that it left."""
        out = place.bodies.named("out.bin")
        wanted = Outputs(include=(place.bodies.named("*.bin"),))
        run = place.run("1", place.bodies.writes("out.bin", TIMES), outputs=wanted)
        run = await place.started(run)
        live = replace(run, live=True)
        await place.backend.sync(live)
        assert set(await place.outputs(live)) <= {out}
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert end.ok
        assert await place.outputs(run) == {out: place.bodies.content(TIMES)}

    async def test_one_poll_tells_runs_apart(self, place: Place) -> None:
        """One job would be given the end of another."""
        codes = (1, 0, 3, 0, 5)
        bodies = [place.run(str(n), place.bodies.fails(code)) for n, code in enumerate(codes)]
        runs = [await place.started(run) for run in bodies]
        for run in runs:
            await place.end(run)
        batch = runs[: place.backend.traits.poll_batch]
        answers = await place.backend.poll(batch)
        ends = {key: end for key, end in answers.items() if isinstance(end, Finished)}
        assert set(ends) == {run.key for run in batch}
        for code, run in zip(codes, batch, strict=False):
            end = ends[run.key]
            assert (end.ok, end.exit_code) == (code == 0, place.code(code))
            assert not end.exit_code or str(code) in end.reason
        assert await place.backend.poll([]) == {}

    async def test_what_is_forgotten_may_be_forgotten_again(self, place: Place) -> None:
        """A crash right after a clean-up would make the next one fail for ever."""
        run = await place.started(place.run("1", place.bodies.writes("out", 1)))
        await place.end(run)
        await place.backend.forget(run)
        await place.backend.forget(run)
        await place.backend.forget(place.run("2", place.bodies.sleeps))

    async def test_hints_come_where_they_are_promised(self, place: Place) -> None:
        """Jobs would be seen to end only at the next slow poll."""
        run = await place.started(place.run("1", place.bodies.sleeps))
        assert not isinstance(await place.end(await place.cancelled(run)), Lost)
        assert (run.key in place.hinted) is place.backend.traits.hints

    async def test_traits_stay_as_they_are(self, place: Place) -> None:
        """The engine would pace itself by something that is no longer true."""
        before = place.backend.traits
        assert before.poll_batch >= 1
        await place.end(await place.started(place.run("1", place.bodies.fails(1))))
        assert place.backend.traits == before
