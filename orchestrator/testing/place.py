"""A simulated backend: the client's side, with the network between it and its server."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from orchestrator.backend import (
    Absent,
    Alive,
    Answer,
    AuthError,
    BackendError,
    Begun,
    Finding,
    Finished,
    Found,
    Lost,
    NoAnswer,
    Output,
    ProtocolError,
    QuotaError,
    RejectedError,
    Run,
    Several,
    Staged,
    StageStep,
    Stream,
    Stuck,
    Submitted,
    Traits,
    TransientError,
    Unclear,
)
from orchestrator.testing.faults import PLANTED, PlantedError
from orchestrator.testing.server import Remote, Server

T = TypeVar("T")


class Observer(Protocol):
    """Who watches the calls of a backend."""

    def check_alive(self) -> None:
        """Raise CancelledError when the simulated process has vanished."""

    def called(self, verb: str, server: str, keys: Sequence[str]) -> None:
        """Note a call; raise what the rules of the house say against it."""

    def told_to_wait(self, verb: str, keys: Sequence[str], seconds: float) -> None:
        """Note that a server asked to be left alone for this long."""


class SimulatedBackend:
    """Speaks with one server for one life of the daemon."""

    def __init__(self, server: Server, observer: Observer) -> None:
        self._server = server
        self._observer = observer

    @property
    def traits(self) -> Traits:
        """What its class promises."""
        return self._server.character.traits

    async def stage(self, run: Run, step: StageStep) -> Staged | Begun:
        """Read the input here; over there only its parts are counted, one for each act."""
        if len(step.among or ()) != run.options["inputs"] or step.name not in (step.among or ()):
            raise AssertionError(f"{run.key}: {step.name} is brought as one of {step.among}")
        data = step.source.read_bytes()
        part = int(str(run.memo.get(step.name, 0))) + 1
        memo = {**run.memo, step.name: part}

        def bring() -> Staged | Begun:
            there = self._server.parts.get((run.key, step.name), 0)
            if part > there + 1:
                raise AssertionError(f"{run.key}: part {part} of {step.name} comes after {there}")
            self._server.parts[run.key, step.name] = max(there, part)
            if part < int(str(run.options["parts"])):
                return Begun(memo)
            return Staged(len(data), hashlib.sha256(data).hexdigest(), memo)

        return await self._exchange("stage", [run], bring)

    async def submit(self, run: Run) -> Submitted | Begun:
        """Start the run, or lose the request, or let it stall until its sender has gone.

        Where that needs a ticket, it is only asked for, as long as none is known.
        """
        if run.after and not self.traits.starts_after:
            raise AssertionError(f"{run.key} is to be held back by a place that does not")
        if run.options.get("bad"):
            self._observer.called("submit", self._server.name, [run.key])
            raise RejectedError("there is no such program", effect="none")
        brought = [part for part in run.memo.values() if part == run.options["parts"]]
        if run.options["inputs"] != len(brought):
            raise AssertionError(f"{run.key} is submitted, but {run.memo} is all that is known")
        if not self._may_start(run):
            ticket = await self._exchange("submit", [run], self._server.set_up)
            return Begun({**run.memo, "ticket": ticket})
        if self._server.faults.strikes("late start"):
            await self._leave("submit", [run])
            self._server.start_late(run)
            await asyncio.sleep(self._server.random.random() * 80.0)
            raise TransientError("the gateway gave up", effect="possible")
        remote = await self._exchange("submit", [run], lambda: self._server.start(run))
        return Submitted(remote.remote_id, {**run.memo, "token": remote.token})

    def _may_start(self, run: Run) -> bool:
        return not self._server.character.sets_up or "ticket" in run.memo

    async def find(self, run: Run) -> Finding:
        """Look into the listing, which may lag behind."""
        return await self._exchange("find", [run], lambda: self._find(run))

    def _find(self, run: Run) -> Finding:
        if self._server.faults.strikes("unclear find"):
            return Unclear("the listing is not complete")
        if not self._may_start(run):
            return Absent("its start was never asked for", proved=True)
        remote = self._server.seen(run.key)
        if remote is None:
            return Absent("not in a complete listing")
        if remote.copied:
            return Several((remote.remote_id, f"{remote.remote_id}-copy"))
        return Found(remote.remote_id, "listed", {**run.memo, "token": remote.token})

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask for all at once; some may be missing from the answer."""
        if len(runs) > self.traits.poll_batch:
            raise AssertionError(f"{len(runs)} runs in one poll")
        return await self._exchange("poll", runs, lambda: self._poll(runs))

    def _poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        answers = {run.key: self._answer(run) for run in runs}
        missing = [key for key in answers if self._server.faults.strikes("partial poll")]
        return {key: answer for key, answer in answers.items() if key not in missing}

    def _answer(self, run: Run) -> Answer:
        remote = self._known(run)
        if remote is None or self._server.faults.strikes("vague poll"):
            return NoAnswer("not seen")
        if self._seems_stuck(remote):
            return Stuck("its log stands still")
        if not self._server.has_ended(remote):
            return Alive("computing")
        if not remote.knowable:
            return Lost("it is gone without a trace")
        stopped = remote.stopped
        return Finished(
            remote.ok,
            f"ended {'well' if remote.ok else 'badly'}",
            exit_code=0 if remote.ok else 1,
            stopped=stopped if stopped in {"cancel", "time_limit"} else None,  # type: ignore[arg-type]
        )

    def _seems_stuck(self, remote: Remote) -> bool:
        if remote.stuck == "for ever":
            return self._server.has_ended(remote)
        return (
            remote.stuck is not None
            and self._server.faults.on
            and not self._server.has_ended(remote)
        )

    async def cancel(self, run: Run) -> None:
        """Ask for an end, which may take long, or cannot be had here."""
        if not self.traits.stops:
            self._observer.called("cancel", self._server.name, [run.key])
            raise RejectedError("it can be stopped over there only", effect="none")

        def stop() -> None:
            if (remote := self._known(run)) is not None:
                self._server.stop(remote)

        await self._exchange("cancel", [run], stop)

    async def sync(self, run: Run) -> None:
        """Have nothing shown: only what an ended run left can be seen."""
        await self._exchange("sync", [run], lambda: None)

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List what is there; sizes may still change."""
        return await self._exchange("list_outputs", [run], lambda: self._listing(run))

    def _listing(self, run: Run) -> list[Output]:
        remote = self._known(run)
        if remote is None:
            raise RejectedError("no such run", effect="none")
        if not self._server.has_ended(remote):
            raise AssertionError(f"{run.key} is harvested while it computes")
        found = self._server.listing(remote)
        if remote.gone:
            raise RejectedError("its outputs are gone", effect="none")
        return found

    @contextmanager
    def open_output(self, run: Run, output: Output, offset: int) -> Iterator[Stream]:
        """Read what was listed; bytes may break on the way, and outputs vanish."""
        self._observer.called("open_output", self._server.name, [run.key])
        remote = self._known(run)
        if remote is None or remote.gone:
            raise RejectedError("its outputs are gone", effect="none")
        self._spoil("open_output", [run])
        data = remote.outputs[output.name][offset:]
        if self._server.faults.strikes("corrupt output") and output.sha256 is not None:
            data = data[:-2] + b"?\n"
        middle = len(data) // 2
        broken = self._server.faults.strikes("broken stream")

        def chunks() -> Iterator[bytes]:
            yield data[:middle]
            if broken:
                raise TransientError("the connection broke", effect="none")
            yield data[middle:]

        yield Stream(offset, chunks())

    async def forget(self, run: Run) -> None:
        """Drop the run over there."""

        def let_go() -> None:
            if (remote := self._server.runs.get(run.key)) is not None:
                remote.forgotten = True

        await self._exchange("forget", [run], let_go)

    def _known(self, run: Run) -> Remote | None:
        """Return the run this side means; it must have remembered what the server told it."""
        remote = self._server.seen(run.key)
        if remote is None:
            return None
        if run.memo.get("token") != remote.token and run.key not in self._server.adopted:
            raise AssertionError(f"{run.key} is asked for without what was to be remembered")
        if run.remote_id != remote.remote_id:
            raise AssertionError(f"{run.key} is {remote.remote_id}, not {run.remote_id}")
        return remote

    async def _exchange(self, verb: str, runs: Sequence[Run], do: Callable[[], T]) -> T:
        """Send a request, have its effect over there, bring the answer back: or not."""
        await self._leave(verb, runs)
        self._spoil(verb, runs)
        faults, chance = self._server.faults, self._server.random.random
        match faults.trouble():
            case "lost":
                if chance() < 0.5:
                    do()
                raise TransientError("the connection broke", effect="possible")
            case "garbled":
                do()
                raise ProtocolError("not understood", effect="possible")
            case "slow":
                answer = do()
                await asyncio.sleep(chance() * 130.0)
                return answer
            case "hang":
                if chance() < 0.5:
                    do()
                await asyncio.sleep(1e6)
            case "bug":
                if chance() < 0.5:
                    do()
                raise PlantedError(PLANTED)
        answer = do()
        await asyncio.sleep(chance() * 0.1)
        self._observer.check_alive()
        return answer

    async def _leave(self, verb: str, runs: Sequence[Run]) -> None:
        """The way to the server; a process that vanishes here has sent nothing."""
        self._observer.check_alive()
        self._observer.called(verb, self._server.name, [run.key for run in runs])
        await asyncio.sleep(self._server.random.random() * 0.1)
        self._observer.check_alive()

    def _spoil(self, verb: str, runs: Sequence[Run]) -> None:
        """Refuse a call before it has any effect."""
        if self._server.is_down:
            raise TransientError("the service is down", effect="none")
        faults = self._server.faults
        error: BackendError
        match faults.trouble():
            case "refused":
                error = TransientError("connection refused", effect="none")
            case "auth":
                error = AuthError("the key has expired", effect="none")
            case "quota":
                wait = self._server.random.random() * 60.0
                self._observer.told_to_wait(verb, [run.key for run in runs], wait)
                error = QuotaError("too many calls", effect="none", retry_after=wait)
            case _:
                return
        raise error
