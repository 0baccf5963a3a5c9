"""A backend under test, opened as the daemon opens it, with what a test needs around it."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import anyio
import anyio.to_thread
import pytest
from pydantic import JsonValue

from orchestrator.backend import (
    Alive,
    Answer,
    Backend,
    Begun,
    Context,
    Finished,
    Input,
    Kind,
    Lost,
    NoAnswer,
    Output,
    RejectedError,
    Run,
    Staged,
    StageStep,
    TransientError,
)
from orchestrator.core.spec import Outputs

Options = Mapping[str, JsonValue]
StopThere = Callable[[Run], Awaitable[None]]
Apart = Callable[[Options], Options]
DEADLINE = 60.0  # seconds that any one wait may take
MOST_ROUNDS = 20  # of setting up a run, also when calls fail in between
LOOK_EVERY = 0.005  # seconds; a look takes a part of what is waited for


class Body(dict[str, JsonValue]):
    """A [run] table, with the inputs by name that such a run cannot do without."""

    def __init__(self, options: Options, inputs: Mapping[str, bytes]) -> None:
        super().__init__(options)
        self.inputs = dict(inputs)


@dataclass(frozen=True, slots=True)
class Bodies:
    """Options of runs ([run] tables) that do what a test needs done over there.

    A kind whose runs cannot leave any bytes under any name says what `writes` leaves instead: how
    it is called and what it holds. `copies` must take the same for an input.
    """

    writes: Callable[[str, int], Options]
    """Leave a file of this name that holds all 256 bytes in order, so many times over; end well.

    That is what `content` says of most kinds."""
    copies: Callable[[str, str], Options]
    """Copy the input of the first name to an output of the second, then end well."""
    fails: Callable[[int], Options]
    """End with this exit code."""
    sleeps: Options
    """Run until stopped."""
    lingers: Callable[[str, int], Options]
    """Leave a file as `writes` does, then run until stopped."""
    named: Callable[[str], str] = lambda name: name
    """What an output is called over there that a run leaves under this name, or pattern."""
    content: Callable[[int], bytes] = lambda times: bytes(range(256)) * times
    """What `writes` leaves so many times over."""
    outputs: Outputs = field(default_factory=Outputs)
    """What is asked for of a run's outputs, where a test does not say."""
    settle: bool = False
    """Whether what a submit sets up takes its time over there, so that it is submitted again."""


@dataclass
class Place:
    """One backend.

    `secrets` is what its context resolves, `hinted` the keys it gave hints for, `concealed` what it
    wants kept out of logs. `home` makes the keys of this place its own: other tests may run beside
    it. `stop_there` ends a run as a person does over there, and does nothing to one that has ended:
    for a place that cannot stop one itself. `apart` returns the options of a run that has to itself
    what no two runs may share there.
    """

    kind: Kind
    options: Any
    directory: Path
    bodies: Bodies
    home: str = field(default_factory=lambda: token_hex(4))
    secrets: dict[str, str] = field(default_factory=dict)
    hinted: set[str] = field(default_factory=set)
    concealed: set[str] = field(default_factory=set)
    stop_there: StopThere | None = None
    apart: Apart = lambda options: options
    _inputs: dict[str, dict[str, Path]] = field(default_factory=dict)  # of bodies, by key
    _sources: dict[str, dict[str, Path]] = field(default_factory=dict)  # all of a run, by key
    _rounds: Counter[str] = field(default_factory=Counter)  # of setting up, by key
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _backend: Backend | None = None
    _news: anyio.Event = field(default_factory=anyio.Event)

    @property
    def backend(self) -> Backend:
        """The open backend."""
        if self._backend is None:
            raise RuntimeError("this place is closed")
        return self._backend

    async def open(self) -> None:
        """Open the backend as a daemon does that just started."""
        context = Context("place", self.directory, self._hint, self._secret, self.concealed.add)
        self._backend = await self._stack.enter_async_context(self.kind.open(context, self.options))

    async def close(self) -> None:
        """Close the backend as a daemon does that ends; runs go on."""
        self._backend = None
        await self._stack.aclose()

    async def reopen(self) -> None:
        """Do what a restart of the daemon does."""
        await self.close()
        await self.open()

    def run(self, key: str, options: Options, also: Options | None = None, **more: Any) -> Run:
        """Return a run as the engine would hand it over; `also` are further keys of its table."""
        outputs = self.bodies.outputs
        parts = {"job_id": "0" * 12, "job_name": "job", "number": 1, "outputs": outputs, **more}
        table = {**self.apart(options), **(also or {})}
        run = Run(key=f"orch-{self.home}-{key:0>12}", options=table, **parts)
        if isinstance(options, Body):
            folder = self.directory.with_name(f"{self.directory.name}-inputs") / run.key
            self._inputs[run.key] = {name: folder / name for name in options.inputs}
            for name, data in options.inputs.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
        return run

    def code(self, code: int) -> int | None:
        """Return an exit code as this kind tells it: some tell none."""
        return code if self.backend.traits.exit_codes else None

    async def ready(self, run: Run) -> Run:
        """Bring over what its body needs; return the run as it is known from then on."""
        for name, source in self._inputs.get(run.key, {}).items():
            run, _ = await self.staged(run, name, source)
        return run

    async def started(self, run: Run) -> Run:
        """Bring over what a run needs and submit it; return it as it is known from then on."""
        run = await self.ready(run)
        while run.remote_id is None:
            run = await self.further(run)
        return run

    async def further(self, run: Run) -> Run:
        """Submit until a run gets further; return it as it is known from then on."""
        with anyio.fail_after(DEADLINE):
            while True:
                try:
                    return await self.submit(run)
                except TransientError as error:
                    if error.effect != "none" or not self.bodies.settle:
                        raise
                await anyio.sleep(LOOK_EVERY)

    async def submit(self, run: Run) -> Run:
        """Submit once a run that is ready; return it as it is known from then on.

        It may have to be submitted again: as long as it has no remote id.
        """
        answer = await self.backend.submit(run)
        if isinstance(answer, Begun):
            self._rounds[run.key] += 1
            assert self._rounds[run.key] <= MOST_ROUNDS, "it is set up again and again"
            return replace(run, memo=answer.memo)
        return replace(run, remote_id=answer.remote_id, memo=answer.memo or run.memo)

    async def staged(self, run: Run, name: str, source: Path) -> tuple[Run, Staged]:
        """Bring one input over; return the run as it is known from then on, and the proof."""
        step = self.step(run, name, source)
        while True:
            staged = await self.backend.stage(run, step)
            if staged.memo is not None:
                run = replace(run, memo=staged.memo)
            if not isinstance(staged, Begun):
                if self.backend.traits.inputs_at_submit:
                    there = Input(source, staged.size, staged.sha256)
                    run = replace(run, inputs={**run.inputs, name: there})
                return run, staged

    def step(self, run: Run, name: str, source: Path) -> StageStep:
        """Return the step that brings one input over, beside those that are known of its run."""
        sources = self._sources.setdefault(run.key, dict(self._inputs.get(run.key, {})))
        sources[name] = source
        return StageStep(name, source, sources.keys(), sources.__getitem__)

    async def cancelled(self, run: Run) -> Run:
        """Ask for a run's end; return the run as it is known from then on.

        Where the place cannot stop it, it must say so, and a person ends it over there.
        """
        run = replace(run, stopping=True)
        if self.backend.traits.stops:
            await self.backend.cancel(run)
            return run
        await self.cannot_stop(run)
        assert self.stop_there is not None, "nothing tells how a person stops a run there"
        await self.stop_there(run)
        return run

    async def cannot_stop(self, run: Run) -> str:
        """See that a cancel is refused; return what it says to people."""
        with pytest.raises(RejectedError) as caught:
            await self.backend.cancel(run)
        assert caught.value.effect == "none"
        assert str(caught.value).strip(), "it tells people how they can stop it"
        return str(caught.value)

    async def poll(self, run: Run) -> Answer:
        """Ask how one run stands."""
        return (await self.backend.poll([run])).get(run.key, NoAnswer("missing from the answer"))

    async def end(self, run: Run) -> Finished | Lost:
        """Wait until a run is at its end: by hints where there are any, else by asking."""
        with anyio.fail_after(DEADLINE):
            while True:
                news = self._news
                answer = await self.poll(run)
                if isinstance(answer, Finished | Lost):
                    return answer
                if self.backend.traits.hints and isinstance(answer, Alive):
                    await news.wait()
                else:
                    await anyio.sleep(LOOK_EVERY)

    async def outputs(self, run: Run, *, log: bool = False) -> dict[str, bytes]:
        """Return what an ended run left, by name: the outputs, or the logs."""
        listed = [one for one in await self.backend.list_outputs(run) if one.log is log]
        return {one.name: await self.read(run, one) for one in listed}

    async def seen(self, run: Run, size: int) -> dict[str, bytes]:
        """Return what a live run has left so far, once it shows this many bytes of outputs.

        It may not have written them when it is first asked to show them.
        """
        with anyio.fail_after(DEADLINE):
            while True:
                await self.backend.sync(run)
                assert isinstance(await self.poll(run), Alive), "it was only looked at"
                listed = [one for one in await self.backend.list_outputs(run) if not one.log]
                if sum(one.size or 0 for one in listed) in {0, size}:  # 0: sizes are not told
                    found = {one.name: await self.read(run, one) for one in listed}
                    if sum(map(len, found.values())) == size:
                        return found
                await anyio.sleep(LOOK_EVERY)

    async def read(self, run: Run, output: Output, offset: int = 0) -> bytes:
        """Return the bytes of one output, read in a worker thread as the engine does."""

        def read() -> bytes:
            with self.backend.open_output(run, output, offset) as stream:
                assert stream.start in {0, offset}
                return b"".join(stream.chunks)[offset - stream.start :]

        return await anyio.to_thread.run_sync(read)

    def _hint(self, key: str) -> None:
        self.hinted.add(key)
        self._news.set()
        self._news = anyio.Event()

    def _secret(self, name: str) -> str:
        if name not in self.secrets:
            raise LookupError(f"there is no secret {name!r}")
        return self.secrets[name]


@asynccontextmanager
async def open_place(
    kind: Kind,
    options: Any,
    directory: Path,
    bodies: Bodies,
    *,
    secrets: Mapping[str, str] | None = None,
    stop_there: StopThere | None = None,
    apart: Apart = lambda options: options,
) -> AsyncIterator[Place]:
    """Open a backend in a private folder, and close it at the end."""
    _make_private(directory)
    place = Place(
        kind,
        options,
        directory,
        bodies,
        secrets=dict(secrets or {}),
        stop_there=stop_there,
        apart=apart,
    )
    await place.open()
    try:
        yield place
    finally:
        await place.close()


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
