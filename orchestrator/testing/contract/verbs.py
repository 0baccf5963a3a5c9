"""Every verb that is no submit, under every fault: nothing is guessed, nothing is changed."""

import hashlib
from dataclasses import replace
from pathlib import Path
from random import Random

from orchestrator.backend import (
    Absent,
    Alive,
    BackendError,
    Finished,
    Found,
    NoAnswer,
    Several,
    Staged,
    Unclear,
)
from orchestrator.testing.contract.ground import Ground, assert_fit_to_show
from orchestrator.testing.contract.place import Place
from orchestrator.testing.contract.playing import forget_all
from orchestrator.testing.contract.service import Service
from orchestrator.testing.contract.striking import struck
from orchestrator.testing.contract.submitting import QUICK

TIMES = 300


class VerbsUnderFaults(Ground):
    """Tests of `stage`, `find`, `poll`, `cancel` and `forget`."""

    async def test_a_fault_is_never_taken_for_an_end(
        self, place: Place, service: Service, seeded: Random | None
    ) -> None:
        """A job would be shown as ended, or given to a person, while it runs; or as another's."""
        runs = place.bodies
        ended = await place.started(place.run("1", runs.fails(3)))
        end = await place.end(ended)
        lives = await place.started(place.run("2", runs.sleeps))
        more = [*self.stand_in.own, *self.stand_in.hiding]
        right = 0
        async for fault, answers in struck(
            place, service, lambda: place.backend.poll([lives, ended]), more=more, random=seeded
        ):
            if isinstance(answers, BackendError):
                continue
            assert isinstance(answers, dict)
            assert isinstance(answers.get(lives.key, NoAnswer("")), Alive | NoAnswer), fault
            was = answers.get(ended.key, NoAnswer(""))
            assert was == end or isinstance(was, NoAnswer), (fault, was)
            right += was == end
        assert right, "it would be no art to answer nothing"
        assert service.live() == [lives.remote_id]

    async def test_a_run_that_is_there_is_never_called_absent(
        self, place: Place, service: Service, seeded: Random | None
    ) -> None:
        """A job would be submitted a second time."""
        run = await place.started(place.run("1", place.bodies.fails(0)))
        found = 0
        async for fault, finding in struck(
            place, service, lambda: place.backend.find(run), more=self.stand_in.own, random=seeded
        ):
            if isinstance(finding, Found):
                assert finding.remote_id == run.remote_id, (fault, "of another")
                found += 1
            assert isinstance(finding, Found | Unclear | BackendError), (fault, finding)
        assert found
        assert len(service.starts(run)) == 1

    async def test_two_runs_with_one_key_are_a_person_s_matter(
        self, place: Place, service: Service
    ) -> None:
        """The first of two runs would be followed, and the other computed for nobody."""
        run = place.run("1", place.bodies.fails(0))
        ids = {(await place.started(run)).remote_id for _ in range(2)}
        finding = await place.backend.find(run)
        if len(ids) > 1:  # the service takes a key twice
            assert isinstance(finding, Several)
            assert set(finding.remote_ids) == ids
        assert len(ids) == len(service.starts(run))

    async def test_a_cancel_under_faults_can_be_repeated_and_stops_the_work(
        self, place: Place, service: Service
    ) -> None:
        """A cancelled job would go on computing, or another one would be stopped."""
        faults = [*QUICK, *self.stand_in.own]
        bystander = await place.started(place.run("999999", place.bodies.sleeps))
        runs = [
            await place.started(place.run(str(n), place.bodies.sleeps)) for n in range(len(faults))
        ]
        ids = {run.remote_id for run in runs}
        await service.until(lambda told: ids <= set(told["live"]))
        errors = []
        for fault, run in zip(faults, runs, strict=True):
            await forget_all(place)
            service.put(fault)
            try:
                await place.cancelled(run)
            except BackendError as error:
                errors.append(error)
            service.put()
        await forget_all(place)
        for run in [await place.cancelled(run) for run in runs]:
            end = await place.end(run)
            assert isinstance(end, Finished)
            assert (end.ok, end.stopped) == (False, "cancel")
        assert service.live() == [bystander.remote_id]
        assert isinstance(await place.poll(bystander), Alive)
        assert errors or not place.backend.traits.stops, "no fault showed at all"
        assert_fit_to_show(errors, service)

    async def test_a_look_under_faults_leaves_the_run_as_it_is(
        self, place: Place, service: Service, seeded: Random | None
    ) -> None:
        """A person who looks at a bad moment would pay with the run, or see what another left."""
        run = await place.started(place.run("1", place.bodies.lingers("out.bin", 1)))
        live, early = replace(run, live=True), place.backend.traits.visible_after is not None
        shown = await place.seen(live, 256) if early else {}

        async def look() -> object:
            await place.backend.sync(live)
            return await place.backend.list_outputs(live)

        async for fault, found in struck(
            place, service, look, more=self.stand_in.own, random=seeded
        ):
            if isinstance(found, list):
                assert {one.name for one in found if not one.log} <= set(shown), fault
        assert isinstance(await place.poll(run), Alive)
        assert service.live() == [run.remote_id]
        assert len(service.starts(run)) == 1

    async def test_an_input_under_faults_is_there_whole_or_not_called_there(
        self, place: Place, service: Service, tmp_path: Path, seeded: Random | None
    ) -> None:
        """A run would compute from a damaged input, or be started by its staging."""
        source = tmp_path / "deck"
        deck = place.bodies.content(TIMES)
        source.write_bytes(deck)
        count = 0

        async def stage() -> object:
            nonlocal count
            count += 1  # a run of its own each time: what is there already is not sent again
            run = place.run(str(count), place.bodies.copies("in.dat", "out.dat"))
            return (await place.staged(run, "in.dat", source))[1]

        brought, failed = [], []
        async for fault, staged in struck(
            place, service, stage, more=[*self.stand_in.own, "expired-urls"], random=seeded
        ):
            run = place.run(str(count), place.bodies.copies("in.dat", "out.dat"))
            if isinstance(staged, Staged):
                assert staged.sha256 == hashlib.sha256(deck).hexdigest(), fault
                brought.append(run)
            else:
                assert isinstance(staged, BackendError), fault
                failed.append(run)
        for run in [brought[-1], failed[-1]]:
            assert isinstance(await place.backend.find(run), Absent), "nothing was started by it"
            ready, _ = await place.staged(run, "in.dat", source)
            started = await place.started(ready)
            await place.end(started)
            assert await place.outputs(started) == {place.bodies.named("out.dat"): deck}

    async def test_a_clean_up_under_faults_can_be_repeated(
        self, place: Place, service: Service, seeded: Random | None
    ) -> None:
        """A bad moment of the service would leave a job that never ends, or end another's run."""
        body, clean_up = place.bodies.fails(0), self.stand_in.clean_up
        run = replace(await place.started(place.run("1", body, clean_up)), stored=True)
        lives = await place.started(place.run("2", place.bodies.sleeps))
        await place.end(run)
        async for _ in struck(place, service, lambda: place.backend.forget(run), random=seeded):
            pass
        await place.backend.forget(run)
        await place.backend.forget(run)
        assert isinstance(await place.poll(lives), Alive)
