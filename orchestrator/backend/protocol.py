"""The seam: what the engine asks of a place where runs happen."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, JsonValue

from orchestrator.backend.values import (
    Answer,
    Begun,
    Context,
    Finding,
    Output,
    Run,
    Staged,
    StageStep,
    Stream,
    Submitted,
    Traits,
)


class Backend(Protocol):
    """One configured place where runs happen.

    Every verb MUST raise nothing but the five errors of `orchestrator.backend.errors`, MUST NOT
    retry and MUST NOT wait for a better moment: waiting is written in the queue, where it is
    visible and survives. Every verb may be cancelled or the process killed at any point; the same
    verb with the same run MUST then be safe to call again, `submit` excepted: it is called again
    only after `find` proved absence or an error said `effect="none"`. A backend keeps nothing on
    disk that it could not lose, except where the disk is the place itself (local runs).
    """

    @property
    def traits(self) -> Traits:
        """What this backend can do and prove; MUST NOT change while it is open."""

    async def stage(self, run: Run, step: StageStep) -> Staged | Begun:
        """Bring one input over. MUST be idempotent, and MUST NOT start anything that costs.

        Begun is no error: the memo in it is committed, then the same step is asked for again.
        """

    async def submit(self, run: Run) -> Submitted | Begun:
        """Start the run once, marked with its key.

        The intent is committed before this is called. MUST raise with `effect="none"` only where
        it is proved that nothing was and nothing will be started by this call. The same holds for
        Begun: the memo in it is committed, then this is called again, at once. Each such round is
        two lines of `status.log`, so there SHOULD be one or two, and MUST be an end of them.

        Where `traits.starts_after` is set, the run MUST NOT start before all of `run.after` have
        succeeded there, nor ever when one of them has not. Until it starts, it is Alive. It MAY be
        refused as a TransientError (effect none) when one of them has ended by then.
        """

    async def find(self, run: Run) -> Finding:
        """Look for a run by its key after a doubtful outcome. MUST NOT change anything.

        MUST answer Absent only from a complete and current view, Several where more than one run
        carries the key, Unclear where it cannot tell. Absent may be `proved` only by `run.memo`,
        which is what `submit` was last called with: a view alone proves nothing at once.
        """

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask how runs stand; at most `traits.poll_batch`. The answer is by key.

        A key that is missing from the answer counts as NoAnswer. MUST answer Finished or Lost only
        with evidence: a run that cannot be seen is NoAnswer. Stuck has the job held at once, so it
        SHOULD be answered only after patience with what may still move.
        """

    async def cancel(self, run: Run) -> None:
        """Ask for the run's end. MUST be safe to repeat; only `poll` tells whether it ended.

        Unless `traits.stops` is set this MUST change nothing, and raise RejectedError (effect none)
        that tells people how they can end it: at every look at a run that nobody wants any more.
        """

    async def sync(self, run: Run) -> None:
        """Have what a live run has left so far made visible to `list_outputs`.

        MUST NOT change the course of the run. MUST be safe to repeat. Nothing to do where it can be
        seen at any time, or never; `traits.visible_after` says how long it takes.
        """

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List what an ended run left that its spec asks for, logs included.

        Of a run with `live` set, what can be seen of that now. Looking MUST NOT change anything
        over there, and MUST NOT count for what is listed when the run has ended.
        """

    def open_output(self, run: Run, output: Output, offset: int) -> AbstractContextManager[Stream]:
        """Open one output for reading from `offset` bytes on.

        MUST begin at 0 instead where it cannot be told that it is still the same file.

        The one synchronous verb: it is called, read and closed in a worker thread, because bytes
        are best moved off the event loop. Chunks SHOULD be about 1 MiB.
        """

    async def forget(self, run: Run) -> None:
        """Let go of what is kept over there; called after the results are published and committed.

        MUST NOT fail for a run that is already forgotten.
        """


@dataclass(frozen=True, slots=True)
class Verb:
    """Something people can do at a service beside running jobs: `orchestrator remote NAME VERB`.

    `call` is given the open backend, then one text for each of `words`, the names of its arguments;
    an argument named in brackets may be left out. It returns what is shown, as JSON: a table is a
    list of objects with the same keys. It raises the five errors. Where `file` is "to here" or
    "from here", the last word is a file of the person's; `call` is given its open descriptor
    instead. `warning` says what will be destroyed, so that the person is asked first.
    """

    summary: str
    call: Callable[..., Awaitable[JsonValue]]
    words: tuple[str, ...] = ()
    file: Literal["to here", "from here"] | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of `doctor` about a backend: how it is, and what to do about it."""

    level: Literal["ok", "warning", "problem"]
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of backend, as the registry lists it.

    `options` checks `[backends.NAME]` of the configuration (without `kind`); `run` checks the
    `[run]` table of a job spec. `open` opens one; leaving the context closes it. `max_runs` says
    how many runs may be live at once with these options. `verbs` returns what people can do
    there beside running jobs; `examine` looks at account and service for `doctor`.

    `lease` is given the options and the `[run]` table of a job, both checked (the table as JSON),
    and returns what the job's runs need to themselves, None for nothing: one run at a time has it,
    from the start of its staging to its end, also while it is held. Its name, for people too, MUST
    be the same for every configured backend that means the same thing: "https://host/ study 21".
    It is asked once, when the job is accepted. MUST NOT look anywhere else.
    """

    name: str
    summary: str
    options: type[BaseModel]
    run: type[BaseModel]
    open: Callable[[Context, Any], AbstractAsyncContextManager[Backend]]
    max_runs: Callable[[Any], int]
    verbs: Callable[[], Mapping[str, Verb]] = dict
    examine: Callable[[Any], Awaitable[Sequence[Diagnosis]]] | None = None
    lease: Callable[[Any, Mapping[str, JsonValue]], str | None] = lambda _options, _run: None
