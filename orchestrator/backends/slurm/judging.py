"""How a run stands: by its own exit-status files, then the controller, then accounting. Pure."""

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from orchestrator.backend import Alive, Answer, Finished, Lost, NoAnswer
from orchestrator.backends.slurm.marks import Marks, Status
from orchestrator.backends.slurm.script import NO_FOLDER, NO_MARK, NOT_AGAIN
from orchestrator.backends.slurm.states import CAUSES, is_end, is_over, told
from orchestrator.backends.slurm.values import Job

MEMORY = re.compile(r"exceeded memory limit|oom.?kill|out of memory", re.IGNORECASE)
BY_SIGNAL = 128  # a shell gives this and the number of the signal
NO_LOG = 53  # Slurm's "signal" of a job whose output file it could not open
SHOWN = 3  # tasks of an array that are told one by one
OWN_CODES = {
    NO_FOLDER: "the node does not see the run's folder: is `directory` shared with all nodes?",
    NOT_AGAIN: "Slurm started it a second time, which did nothing",
    NO_MARK: "its start could not be marked in the run's folder",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one run.

    `tasks` are those of its array, or the one task "". `now` are the controller's rows, `past`
    accounting's; `stopping`: we asked for its end; `waited`: since Slurm said that it is over, its
    files were waited for; `lost`: so was any word of it at all.
    """

    tasks: Sequence[str]
    marks: Marks
    now: Sequence[Job] = ()
    past: Sequence[Job] = ()
    stopping: bool = False
    waited: bool = False
    lost: bool = False
    trouble: str = ""  # why one of them could not be asked


@dataclass(frozen=True, slots=True)
class End:
    """How a job or a task ended."""

    ok: bool
    reason: str
    code: int | None = None
    stopped: Literal["cancel", "time_limit"] | None = None


@dataclass(slots=True)
class _Told:
    """The tasks of a run, as they are looked at one after another."""

    ends: dict[str, End] = field(default_factory=dict)
    waits: list[str] = field(default_factory=list)  # why an end is not believed yet
    unknown: list[str] = field(default_factory=list)


def alive(rows: Iterable[Job]) -> Alive | None:
    """Return how a run stands by the controller alone; None where that does not suffice."""
    here = list(rows)
    live = [row for row in here if not is_over(row)]
    if not live:
        return None
    if len(here) == 1:
        return Alive(told(live[0]))
    return Alive(f"{told(live[0])}; {len(here) - len(live)} of {len(here)} rows of its array ended")


def needs_accounting(seen: Seen) -> bool:
    """Whether accounting may tell what files and controller do not."""
    by_task = _by_task(seen, seen.now)
    return any(
        (row := by_task.get(task)) is None or (_lacks_code(row) and task not in seen.marks.ended)
        for task in seen.tasks
    )


def _lacks_code(row: Job) -> bool:
    return is_end(row) and row.code is None and row.state != "COMPLETED"


def judge(seen: Seen) -> Answer:
    """Return how a run stands of which the controller lists no part as live."""
    now, past, told_of = _by_task(seen, seen.now), _by_task(seen, seen.past), _Told()
    for task in seen.tasks:
        row, later = now.get(task), past.get(task)
        status = seen.marks.ended.get(task)
        said = "" if status else seen.marks.said  # of another task of the array
        cause = with_words(row if row is not None and is_end(row) else later, said)
        if status is not None and _suffices(status, row, cause, seen):
            told_of.ends[task] = by_status(status, cause, stopping=seen.stopping)
        elif row is not None and not is_end(row):
            told_of.waits.append(told(row))
        elif cause is not None and is_end(cause):
            if _may_have_a_file(cause, seen.marks, task) and not seen.waited:
                told_of.waits.append(f"{told(cause)}; its exit-status file is waited for")
            else:
                again = task in seen.marks.again
                code = next((it.code for it in (cause, later) if it and it.code is not None), None)
                told_of.ends[task] = by_row(cause, code, again=again, stopping=seen.stopping)
        else:
            told_of.unknown.append(task)
    return _answer(seen, told_of)


def with_words(row: Job | None, said: str) -> Job | None:
    """Return Slurm's end of a job with what the node said beside.

    Where no cgroups keep the memory, Slurm calls a job FAILED that it killed for want of it.
    """
    if row is None or not said or row.state == "COMPLETED":
        return row
    short = (row.state == "FAILED" or row.state in CAUSES) and MEMORY.search(said)
    states = ("OUT_OF_MEMORY",) if short else row.states
    return replace(row, states=states, reason="; ".join(filter(None, (row.reason, said))))


def by_status(status: Status, cause: Job | None, *, stopping: bool) -> End:
    """Return the end that an exit-status file tells; `cause` is what Slurm says of it.

    A run that was ended by a signal is no success, whatever code it gives: it may have left half of
    its outputs. Nor is one of whose processes some were killed for want of memory.
    """
    words = coded(status.code)
    cut = bool(status.caught or status.code)
    if cause is not None and cause.state in CAUSES and (cut or cause.state == "OUT_OF_MEMORY"):
        return _caused(cause, stopping=stopping, code=status.code, words=words)
    if status.caught and (stopping or cause is None):
        why = f"ended by SIG{status.caught}, {words}"
        return End(ok=False, reason=why, code=status.code, stopped="cancel" if stopping else None)
    return End(ok=status.code == 0, reason=words, code=status.code)


def by_row(row: Job, code: int | None, *, again: bool, stopping: bool) -> End:
    """Return the end that Slurm tells of a run that left no exit-status file."""
    if again or code in OWN_CODES:
        return End(
            ok=False, reason=OWN_CODES[code if code in OWN_CODES and not again else NOT_AGAIN]
        )
    if row.state in CAUSES:
        return _caused(row, stopping=stopping, code=None, words="")
    if row.state == "COMPLETED":
        return End(
            ok=True, reason="exit code 0 by Slurm's word; it left no exit-status file", code=0
        )
    if row.signal == NO_LOG:
        text = "does its node see the run's folder, and may write there?"
        return End(ok=False, reason=f"Slurm could not open its log ({told(row)}): {text}")
    words = "ended with an exit code that nobody tells" if code is None else coded(code)
    if row.signal:
        words = f"killed by {signal_name(row.signal)}"
    return End(ok=False, reason=f"{words}, by Slurm's word ({told(row)})", code=code or None)


def coded(code: int) -> str:
    """Return an exit code in words: a shell gives 128 and the signal's number for a killed one."""
    if code > BY_SIGNAL and (name := signal_name(code - BY_SIGNAL)).startswith("SIG"):
        return f"exit code {code}, which a shell gives for {name}"
    return f"exit code {code}"


def signal_name(number: int) -> str:
    """Return a signal by its name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _caused(row: Job, *, stopping: bool, code: int | None, words: str) -> End:
    text = CAUSES[row.state]
    stopped: Literal["cancel", "time_limit"] | None = None
    if row.state == "TIMEOUT":
        stopped = "time_limit"
    elif stopping:
        stopped = "cancel"
    elif row.state == "CANCELLED":
        text += f", but not by us ({row.by or 'by whom is not told'})"
    more = f" ({row.reason})" if row.reason else ""
    ended = f"; {words}" if words else ""
    return End(
        ok=False, reason=f"{row.state}: {text}{more}{ended}", code=code or None, stopped=stopped
    )


def _suffices(status: Status, row: Job | None, cause: Job | None, seen: Seen) -> bool:
    """Whether an exit-status file is believed without Slurm's word for why the run ended.

    What a signal ended is not; nor is any failure, while the controller is about to say more.
    """
    if cause is not None:
        return True
    if row is not None:
        return seen.waited or (status.code == 0 and not status.caught)
    return seen.lost or not (status.caught or BY_SIGNAL < status.code <= BY_SIGNAL + signal.NSIG)


def _may_have_a_file(row: Job, marks: Marks, task: str) -> bool:
    """Whether an exit-status file may come to be seen: the file system may show it late."""
    return row.state not in CAUSES and task not in marks.again


def _by_task(seen: Seen, rows: Sequence[Job]) -> Mapping[str, Job]:
    """Return the row of each task: tasks that never started share one, such as "3-9"."""
    shared = [row for row in rows if row.task and not row.task.isdecimal()]
    idle = [task for task in seen.tasks if task not in seen.marks.started]
    found = dict.fromkeys(idle, shared[0]) if shared else {}
    return found | {row.task: row for row in rows}


def _answer(seen: Seen, found: _Told) -> Answer:
    if found.waits:
        return Alive(found.waits[0])
    if found.unknown:
        return _unknown(seen, found.unknown)
    if seen.tasks == [""]:
        end = found.ends[""]
        return Finished(ok=end.ok, reason=end.reason, exit_code=end.code, stopped=end.stopped)
    bad = {task: end for task, end in found.ends.items() if not end.ok}
    if not bad:
        return Finished(ok=True, reason=f"all {len(found.ends)} tasks: exit code 0", exit_code=0)
    first = [f"task {task}: {end.reason}" for task, end in list(bad.items())[:SHOWN]]
    more = [f"and {len(bad) - SHOWN} more"] if len(bad) > SHOWN else []
    stops = [end.stopped for end in bad.values() if end.stopped]
    return Finished(
        ok=False,
        reason=f"{len(bad)} of {len(found.ends)} tasks failed: " + "; ".join([*first, *more]),
        exit_code=next((end.code for end in bad.values() if end.code), None),
        stopped=stops[0] if stops else None,
    )


def _unknown(seen: Seen, tasks: Sequence[str]) -> Answer:
    what = "" if list(tasks) == [""] else f" of task {tasks[0]}"
    if seen.trouble:
        return NoAnswer(seen.trouble)
    text = f"the controller knows nothing{what}, and accounting of no end"
    if not seen.lost:
        return NoAnswer(f"{text}; they are asked again")
    if any(seen.marks.started.get(task) for task in tasks):
        return Lost(f"{text}; it was started, and left no exit-status file")
    return Lost(f"{text}, and it was never started")
