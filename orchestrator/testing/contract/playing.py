"""The engine's rule for a submit, played by a test: what may be called again, and when."""

import shutil
from dataclasses import dataclass, field, replace

from anyio.to_thread import run_sync

from orchestrator.backend import Absent, BackendError, Found, RejectedError, Run, Unclear
from orchestrator.testing.contract.place import Place
from orchestrator.testing.contract.service import Service

TRIES = 8  # of anything, after which it is not going to end


async def forget_all(place: Place) -> None:
    """Start the backend anew without what it kept: it may keep nothing that it could not lose.

    So a test need not wait until a service that failed is called again.
    """
    await place.close()
    shutil.rmtree(place.directory)
    place.directory.mkdir(mode=0o700)
    await place.open()


@dataclass
class Player:
    """Brings one run to its start, as the engine would; collects the errors that it saw.

    `doubtful` says that a call may have started it: then it is only looked for.
    """

    place: Place
    service: Service
    run: Run
    errors: list[BackendError] = field(default_factory=list)
    doubtful: bool = False

    @property
    def is_started(self) -> bool:
        """Whether the run has a name over there."""
        return self.run.remote_id is not None

    async def step(self) -> None:
        """Submit the run, or look for it, whichever the rule allows; nothing once it is started."""
        if self.is_started:
            return
        try:
            if self.doubtful:
                await self._find()
            else:
                self.run = await self.place.ready(self.run)
                while not self.is_started:
                    self.run = await self.place.submit(self.run)
        except BackendError as error:
            self.errors.append(error)
            self.doubtful = self.doubtful or error.effect == "possible"
        refusals = [one for one in self.errors if isinstance(one, RejectedError)]
        refused = [one for one in refusals if one.effect == "none"]
        assert not refused, "the job would end, though nothing is wrong with it"

    async def finish(self) -> Run:
        """Go on, without faults, until the run is known over there."""
        self.service.put()
        seen = -1
        for _ in range(TRIES):
            if self.is_started:
                return self.run
            if len(self.errors) != seen:
                await forget_all(self.place)
                seen = len(self.errors)
            await self.service.quiet()
            await self.step()
        raise AssertionError(f"after {TRIES} tries the run is not started: {self.errors}")

    async def _find(self) -> None:
        over = (await run_sync(self.service.told))["under_way"] == 0  # as of the question
        match await self.place.backend.find(self.run):
            case Found(remote_id=remote_id, memo=memo):
                self.run = replace(self.run, remote_id=remote_id, memo=memo or self.run.memo)
            case Absent(proved=proved) if over or proved:
                assert self.service.stand_in.knows_absence, "nothing there proves that"
                self.doubtful = False
            case Unclear() if over and not self.service.stand_in.knows_absence:
                if not self.service.starts(self.run):  # which a person sees, who asks for a new run
                    self.run, self.doubtful = replace(self.run, memo={}), False


async def one_start(player: Player) -> Run:
    """Bring a run to its start without faults; check that the service started it exactly once."""
    run = await player.finish()
    await player.service.quiet()
    assert player.service.starts(run) == [run.remote_id]
    return run
