"""The verbs of a backend, by cloudHPC's web API."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import anyio

from orchestrator.backend import (
    Absent,
    Alive,
    Answer,
    BackendError,
    Begun,
    Context,
    Finding,
    Found,
    Lost,
    NoAnswer,
    Output,
    ProtocolError,
    RejectedError,
    Run,
    Several,
    Staged,
    StageStep,
    Stream,
    Submitted,
    Traits,
    Unclear,
)
from orchestrator.backends.cloudhpc import simulations, storage
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.choices import Choices
from orchestrator.backends.cloudhpc.judging import Status, is_final, judge, word
from orchestrator.backends.cloudhpc.layout import check_names, folder
from orchestrator.backends.cloudhpc.listing import Listing, Look
from orchestrator.backends.cloudhpc.model import Options, RunTable
from orchestrator.backends.cloudhpc.outputs import Folders
from orchestrator.backends.cloudhpc.record import Records
from orchestrator.backends.cloudhpc.replies import Simulation
from orchestrator.backends.cloudhpc.staging import FLOOR, SENT, Stager
from orchestrator.backends.http import Storage, Use

POLL_BATCH = 1000  # one look answers for all
ENDS_AT_ONCE = 10  # ended runs whose whole record one poll asks for
GONE_AFTER = 3600.0  # seconds for which a simulation must be missing until it is gone for good
SYNCED_AFTER = 300.0  # seconds within which the service has brought what a sync asked for
LONGEST_ID = 18  # digits
STOP_AGAIN = 600.0  # seconds until a stop that was taken is asked for again; a soft one takes long


class CloudHpc:
    """One account. A run has a folder of its own in the storage, and is found again by its name."""

    def __init__(
        self,
        context: Context,
        options: Options,
        calls: Calls,
        where: Storage,
        now: Callable[[], float],
    ) -> None:
        self.calls = calls
        self.where = where
        self._now = now
        self._listing = Listing(calls)
        self._choices = Choices(context.name, calls, now)
        self._stager = Stager(calls, where, self._listing, context.directory)
        self._records = Records(calls, now)
        self._folders = Folders(calls, where, self._records, now)
        # Apart: what was seen while a run went on says nothing of what is there at its end.
        self._live_folders = Folders(calls, where, self._records, now)
        self._look: Look | None = None
        self._looking = anyio.Lock()
        self._followed: dict[str, int] = {}  # runs that are asked about: key → id
        self._submitted: dict[str, float] = {}  # by this process, when
        self._missing: dict[str, float] = {}  # keys of runs that the list lacks, since when
        self._stopped: dict[str, float] = {}  # keys of runs whose stop was taken, when
        self.traits = Traits(
            absence_window=options.absence_after.total_seconds(),
            poll_batch=POLL_BATCH,
            exit_codes=False,
            visible_after=SYNCED_AFTER,
            md5_on_open=True,
        )

    async def stage(self, run: Run, step: StageStep) -> Staged | Begun:
        """Bring all inputs over as one archive, after a look at what the service offers."""
        check_names([step.name] if step.among is None else step.among)
        await self._choices.check(RunTable.model_validate(run.options))
        return await self._stager.stage(run, step)

    async def submit(self, run: Run) -> Submitted:
        """Start the run in its folder."""
        table = RunTable.model_validate(run.options)
        if not run.memo.get(SENT):
            raise RejectedError(
                "the job has no inputs, and a script runs on those alone: name them in [inputs], or"
                " drop them beside the job file",
                effect="none",
            )
        at = self._now()
        id_ = await simulations.add(
            self.calls,
            cpu=table.cpu,
            ram=table.ram,
            script=table.script,
            folder=folder(run),
            mesh=table.mesh,
            spot=table.spot,
        )
        self._listing.learn(id_)
        self._followed[run.key] = id_
        self._submitted[run.key] = at
        return Submitted(str(id_))

    async def find(self, run: Run) -> Finding:
        """Look for the run's folder among all simulations since the last that was known before."""
        floor = run.memo.get(FLOOR)
        await storage.delete_cache(self.calls, Use.SUBMIT)
        try:
            rows = await self._listing.down_to(floor if isinstance(floor, int) else 0, Use.SUBMIT)
        except ProtocolError as error:
            return Unclear(str(error))
        ids = sorted(row.id for row in rows if row.folder.strip("/") == folder(run))
        if len(ids) > 1:
            return Several(tuple(map(str, ids)))
        if not ids:
            return Absent(f"no simulation has the folder {folder(run)}")
        # By its id, too: a list that mixes ids up must not be believed.
        found = await simulations.view_short(self.calls, ids[0], Use.SUBMIT)
        if found.folder.strip("/") != folder(run):
            return Unclear(f"simulation {ids[0]} is listed with our folder, but has another")
        return Found(str(found.id), f"a simulation with the folder {folder(run)}")

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Answer for all runs from one look at the list; a new one when the budget allows it."""
        answers: dict[str, Answer] = {
            run.key: NoAnswer(f"{run.remote_id!r} is no id of a simulation")
            for run in runs
            if not _has_id(run)
        }
        runs = [run for run in runs if run.key not in answers]
        if not runs:
            return answers
        self._followed |= {run.key: _id(run) for run in runs}
        look = await self._looked()
        ends = 0
        for run in runs:
            row = look.rows.get(_id(run))
            if row is None:
                answers[run.key] = await self._unseen(run, look)
            elif row.folder.strip("/") != folder(run):
                answers[run.key] = NoAnswer(f"simulation {row.id} has another folder: {row.folder}")
            elif not is_final(row):
                self._missing.pop(run.key, None)
                answers[run.key] = Alive(word(row))
            elif ends < ENDS_AT_ONCE:
                ends += 1
                answers[run.key] = await self._end(run, row)
            else:
                answers[run.key] = NoAnswer("it has ended; what it says is asked for next")
        return answers

    async def cancel(self, run: Run) -> None:
        """Ask for the run's end, softly or hard as the spec says."""
        id_ = _id(run)
        row = self._look.rows.get(id_) if self._look else None
        taken = self._stopped.get(run.key)
        if taken is not None and self._now() - taken < STOP_AGAIN:
            return
        if row is None and run.key not in self._submitted:
            row = await simulations.view_short(self.calls, id_, Use.CANCEL)
        if row is not None and is_final(row):
            return
        if row is not None and row.folder.strip("/") != folder(run):
            text = f"simulation {id_} has the folder {row.folder}, not ours: it is left alone"
            raise RejectedError(text, effect="none")
        if row is None or row.status != Status.STOPPING:
            hard = RunTable.model_validate(run.options).stop == "hard"
            signal: simulations.Signal = "SIGINT" if hard else "SIGTSTP"
            await simulations.stop(self.calls, id_, signal, Use.CANCEL)
        self._stopped[run.key] = self._now()

    async def sync(self, run: Run) -> None:
        """Have the service bring what the run has left so far to its folder; it takes a while."""
        await simulations.sync(self.calls, _id(run), Use.ASK)

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List what the run left in its folder, its record and what it said."""
        return await self._folders_of(run).list(run, _id(run))

    @contextmanager
    def open_output(self, run: Run, output: Output, offset: int) -> Iterator[Stream]:
        """Open one output by a signed address."""
        with self._folders_of(run).open(run, _id(run), output, offset) as stream:
            yield stream

    async def forget(self, run: Run) -> None:
        """Let go of what is kept of the run here; remove over there what the spec says."""
        for kept in (self._followed, self._submitted, self._missing, self._stopped):
            kept.pop(run.key, None)
        for folders in (self._folders, self._live_folders):
            folders.forget(run)
        if _has_id(run):
            self._records.forget(_id(run))
        await self._stager.forget(run)
        if run.stored and RunTable.model_validate(run.options).remove == "files":
            await self._folders.remove(run)

    async def _looked(self) -> Look:
        """Return a look that is as fresh as the budget allows; one at a time, for all who ask."""
        async with self._looking:
            look = self._look
            wait = 0.0 if look is None else self.calls.door.pace(look.pages)
            if look is None or self._now() >= look.at + wait:
                look = self._look = await self._listing.look(self._followed.values(), self._now())
            return look

    def _folders_of(self, run: Run) -> Folders:
        return self._live_folders if run.live else self._folders

    async def _end(self, run: Run, row: Simulation) -> Answer:
        """Judge a run that the list shows at its end; what it told of others is not lost by it."""
        self._missing.pop(run.key, None)
        try:
            record = await self._records.of(row.id)
        except BackendError as error:
            return NoAnswer(f"{word(row)}; {error}")
        if not record.final or record.simulation.folder.strip("/") != folder(run):
            return NoAnswer(f"simulation {row.id} is {word(row)} in the list, but not by its id")
        self._followed.pop(run.key, None)  # no look need go as far back as to this one
        table = RunTable.model_validate(run.options)
        return judge(record.simulation, table, stopping=run.stopping)

    async def _unseen(self, run: Run, look: Look) -> Answer:
        """Say what it means that the list lacks a run."""
        if self._submitted.get(run.key, look.at - 1) >= look.at:
            return Alive("submitted; the list is looked at again soon")
        id_, now = _id(run), self._now()
        since = self._missing.setdefault(run.key, now)
        text = f"the list does not show simulation {id_}"
        if now - since < GONE_AFTER:
            return NoAnswer(f"{text}; it is looked for again")
        try:
            known = await simulations.is_known(self.calls, id_, Use.POLL)
        except BackendError as error:
            return NoAnswer(f"{text}, and {error}")
        if known:
            return NoAnswer(f"{text}, but shows it by its id")
        return Lost(f"{text}, for {(now - since) / 60:.0f} min, and knows none by that id")


def _has_id(run: Run) -> bool:
    """Whether a run's id may be one; a person who adopted it may have named anything."""
    id_ = run.remote_id or ""
    return id_.isascii() and id_.isdecimal() and len(id_) <= LONGEST_ID


def _id(run: Run) -> int:
    if run.remote_id is None or not _has_id(run):
        raise RejectedError(f"{run.remote_id!r} is no id of a simulation", effect="none")
    return int(run.remote_id)
