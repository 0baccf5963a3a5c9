"""What an act comes to. Pure: the run as it was read, what happened, the time, a random number.

Nothing here guesses: an answer that proves nothing changes nothing but the time of the next look.
"""

from collections.abc import Sequence
from typing import Literal

from orchestrator.core.after import Waits
from orchestrator.core.lifecycle import Event, JobState, Outcome, Want
from orchestrator.core.now import Now
from orchestrator.core.pacing import backoff, poll_delay, retry_delay
from orchestrator.core.work import Change, Hold, StopCause, Work

MAYBE_STARTED = (
    "it may have been started since without this queue knowing; look, then release to run it,"
    " cancel to give it up"
)
"""Why nothing starts a job by itself that a restored queue brought back."""
BY_ITSELF = {
    "cancel": "although it was to be stopped",
    "deadline": "after its deadline",
    "time_limit": "after its time limit",
}
"""What is said of a run that ended before a stop reached it, or where nothing can stop it."""
LOOK_AGAIN = 3600.0  # seconds; what changes meanwhile makes the run due at once
SOONEST_LOOK = 2.0  # seconds between two looks for a run whose submit was not answered
MISSES_BEFORE_HOLD = 12  # with their backoff about half an hour, before a person is asked


def unwanted(work: Work, now: Now) -> Literal["cancel", "deadline"] | None:
    """Return why the run should neither be started nor go on, None if it should.

    One that was begun early, and is worthless without what it comes after, is cancelled like one
    that a person does not want any more.
    """
    if work.want is Want.CANCEL or work.spoilt is not None:
        return "cancel"
    if work.deadline is not None and now.wall >= work.deadline:
        return "deadline"
    return None


def stop_due(work: Work, now: Now, *, keeps_time_limit: bool) -> StopCause | None:
    """Return why the run should be stopped now, None if it should not."""
    cause = unwanted(work, now)
    limit = work.spec.limits.time
    if cause is not None or keeps_time_limit or limit is None or work.started is None:
        return cause
    if work.waits is not Waits.NO:
        return None  # its place holds it back: its time has not begun
    return "time_limit" if now.steady - work.started >= limit.total_seconds() else None


def later(
    work: Work, event: Event, error: str, now: Now, u: float, *, retry_after: float | None = None
) -> Change:
    """Stay, and try again after a backoff; `error` is what explain shows meanwhile."""
    tries = work.tries + 1
    return Change(
        event=event,
        reason=work.reason,
        due=now.steady + backoff(tries, u, retry_after),
        tries=tries,
        error=error,
    )


def drop(work: Work, cause: Literal["cancel", "deadline"], now: Now) -> Change:
    """End a run that provably was not started, because it is not wanted any more."""
    if cause == "cancel":
        reason = "cancelled on request, before it was started"
        if work.want is not Want.CANCEL:
            reason = f"not started: {work.spoilt}"
        outcome, job = Outcome.CANCELLED, JobState.CANCELLED
    else:
        reason = "its deadline passed before it was started"
        outcome, job = Outcome.TIMED_OUT, JobState.FAILED
    return Change(
        event=Event.DROPPED, reason=reason, due=now.steady, outcome=outcome, job=job, stop=cause
    )


def refuse(work: Work, why: str, now: Now) -> Change:
    """End a run that was refused before any effect: the same request would be refused again."""
    return Change(
        event=Event.REFUSED,
        reason=f"refused: {why}",
        due=now.steady,
        outcome=Outcome.REJECTED,
        job=JobState.CANCELLED if work.want is Want.CANCEL else JobState.FAILED,
    )


def doubt(work: Work, why: str, now: Now) -> Change:
    """A submit whose outcome is not known: it is looked for at once, and then with backoff."""
    return Change(
        event=Event.DOUBTFUL,
        reason=f"outcome of the submit unknown: {why}",
        due=now.steady,
        tries=work.tries,
        error=why,
        doubt_since=now.steady,
    )


def absent(work: Work, evidence: str, window: float | None, now: Now, u: float) -> Change:
    """The backend does not show the key: proof only after the window that its kind vouches for.

    Never of a run that a restored queue brought back: it may be done with, and forgotten there.
    """
    if work.suspect:
        why = f"{evidence}; but the queue was restored, and may not know all that became of it"
        return _ask(work, Event.UNCLEAR, why, now, hold=_unknown_outcome(work, why))
    if window is None:
        return unclear(work, f"{evidence}; this kind of backend cannot prove absence", now, u)
    doubtful_for = now.steady - (work.doubt_since if work.doubt_since is not None else now.steady)
    if doubtful_for < window:
        # It may show at any time, and be running: looked for at once, then ever more seldom.
        pause = max(doubtful_for / 2, SOONEST_LOOK) * (0.9 + 0.2 * u)
        return Change(
            event=Event.UNCLEAR,
            reason=work.reason,
            due=now.steady + min(pause, window - doubtful_for),
            tries=work.tries,
            error=f"{evidence}; this counts as proof from {window:.0f} s after the submit",
        )
    cause = unwanted(work, now)
    if cause is not None:
        return drop(work, cause, now)
    # Submitted again with backoff: a service that loses every request must not be hammered.
    return Change(
        event=Event.ABSENT,
        reason=f"provably not started: {evidence}",
        due=now.steady + backoff(work.tries + 1, u),
        tries=work.tries + 1,
    )


def unclear(work: Work, why: str, now: Now, u: float) -> Change:
    """Look again later; after a dozen such answers a person must, unless one has given it up."""
    return _missed(work, Event.UNCLEAR, why, now, u, hold=_unknown_outcome(work, why))


def several(work: Work, remote_ids: Sequence[str], now: Now) -> Change:
    """More than one run over there carries the key: a person decides which is ours."""
    why = f"more than one run carries {work.key}: {', '.join(remote_ids)}"
    return _ask(work, Event.UNCLEAR, why, now, hold=_unknown_outcome(work, why))


def _unknown_outcome(work: Work, why: str) -> Hold:
    reason = (
        f"unknown outcome: {why}; look at the backend for {work.key}, then: adopt REMOTE_ID if it"
        " is there, retry --i-checked if it is not, release to look again, cancel to give up"
    )
    return Hold("unknown", reason)


def _missed(work: Work, event: Event, why: str, now: Now, u: float, *, hold: Hold) -> Change:
    """An answer that is no help: try again later; after a dozen, a person decides."""
    misses = work.misses + 1
    if misses < MISSES_BEFORE_HOLD:
        due = now.steady + backoff(misses, u)
        tries = work.tries + 1
        return Change(event=event, reason=work.reason, due=due, tries=tries, missed=True, error=why)
    return _ask(work, event, why, now, hold=hold)


def _ask(work: Work, event: Event, why: str, now: Now, *, hold: Hold) -> Change:
    """Only a person can tell what is to become of it, unless one has given it up already."""
    if work.want is Want.CANCEL:
        return _give_up(work, why, now)
    return Change(
        event=event, reason=work.reason, due=now.steady, missed=True, error=why, hold=hold
    )


def _give_up(work: Work, why: str, now: Now) -> Change:
    """End a run that a person wants to be rid of, though its end or its outputs are not known."""
    succeeded = work.outcome in {None, Outcome.SUCCEEDED}
    return Change(
        event=Event.GIVEN_UP,
        reason=f"cancelled on request, and given up: {why}",
        due=now.steady,
        outcome=Outcome.ABANDONED if succeeded else work.outcome,
        job=JobState.CANCELLED,
    )


def alive(
    work: Work, detail: str, now: Now, u: float, *, hints: bool, within: float | None = None
) -> Change:
    """The run goes on: look again after a tenth of its age, or when a limit comes."""
    due = next_poll(work, now, u, hints=hints, within=within)
    if work.stop is not None:
        return later(work, Event.ALIVE, "asked to stop; not ended yet", now, u)
    limit = work.spec.limits.time
    if limit is not None and work.started is not None and work.waits is Waits.NO:
        due = min(due, max(work.started + limit.total_seconds(), now.steady + 1))
    if work.deadline is not None:
        due = min(due, now.steady + max(work.deadline - now.wall, 1.0))
    return Change(event=Event.ALIVE, reason=detail or work.reason, due=due)


def unstoppable(work: Work, detail: str, how: str, *, due: float) -> Change:
    """Nobody wants the run any more, and its place cannot stop it: it is watched until its own end.

    `how` tells people how they can end it. It is no failure: the run is not looked at any sooner.
    """
    return Change(event=Event.ALIVE, reason=detail or work.reason, due=due, error=how)


def next_poll(work: Work, now: Now, u: float, *, hints: bool, within: float | None = None) -> float:
    """Return the steady time of the next look at a run on which all is well.

    A poll that failed is not made again any sooner: in an outage there would be more calls than
    without one.
    """
    age = now.steady - (work.started if work.started is not None else now.steady)
    return now.steady + poll_delay(age, u, hints=hints, within=within)


def lost(work: Work, evidence: str, now: Now) -> Change:
    """Proved to have ended, but not how: a person decides, unless one has already."""
    if work.want is Want.CANCEL:
        return Change(
            event=Event.GIVEN_UP,
            reason=f"cancelled on request; how its run ended is lost: {evidence}",
            due=now.steady,
            outcome=Outcome.LOST,
            job=JobState.CANCELLED,
        )
    reason = f"lost: {evidence}; retry to run it again, cancel to give it up"
    return Change(event=Event.ALIVE, reason=work.reason, due=now.steady, hold=Hold("lost", reason))


def stuck(work: Work, evidence: str, now: Now) -> Change:
    """It may be alive or dead: the job is held until a person has looked, and says what it is.

    Also when it was cancelled before anybody had been told: to take it for given up could set the
    next run beside a live one. Whoever was told and then cancels has given it up.
    """
    why = f"stuck: {evidence}"
    if work.want is Want.CANCEL and work.misses:  # of a run, no other answer counts as a miss
        return _give_up(work, why, now)
    cancelled = "cancelled on request, but " if work.want is Want.CANCEL else ""
    reason = (
        f"{cancelled}{why}; look at {work.backend} for {work.remote_id}, then: release to look"
        " again, retry --i-checked for a new run instead, cancel to give it up"
    )
    return Change(
        event=Event.ALIVE,
        reason=work.reason,
        due=now.steady,
        missed=True,
        error=why,
        hold=Hold("unknown", reason),
        doubt_since=now.steady,
    )


def finished(
    work: Work,
    *,
    ok: bool,
    why: str,
    exit_code: int | None,
    stopped: StopCause | None,
    now: Now,
) -> Change:
    """The backend reported an end: its outputs are fetched, however it ended."""
    if stopped is not None:
        cause = stopped if stopped == "time_limit" else work.stop or "cancel"
        outcome = Outcome.CANCELLED if cause == "cancel" else Outcome.TIMED_OUT
        cancelled = "stopped on request" if work.spoilt is None else f"stopped: {work.spoilt}"
        why = {
            "cancel": f"{cancelled} ({why})",
            "deadline": f"stopped at its deadline ({why})",
            "time_limit": f"stopped at its time limit ({why})",
        }[cause]
    else:
        outcome = Outcome.SUCCEEDED if ok else Outcome.FAILED
        if work.stop is not None:
            why = f"{why}; it ended by itself, {BY_ITSELF[work.stop]}"
    return Change(
        event=Event.FINISHED, reason=why, due=now.steady, outcome=outcome, exit_code=exit_code
    )


def held_back(work: Work, now: Now) -> Change | None:
    """Return what keeps a run whose outputs are here from being published; None when nothing does.

    A run that was begun early counts as succeeded only when all that it comes after have. When one
    of those has failed by our judgment, which may be stricter than that of its place, this one has
    failed, too, and says why: what it worked on is not to be relied on. Its outputs are kept. One
    that is cancelled meanwhile has not succeeded either.
    """
    if work.outcome is not Outcome.SUCCEEDED:
        return None
    if work.spoilt is not None:
        return Change(
            event=Event.HARVEST_STEP,
            reason=f"{work.reason}; but {work.spoilt}",
            due=now.steady,
            outcome=Outcome.FAILED,
        )
    if work.waits is Waits.NO:
        return None
    if work.want is Want.CANCEL:
        return Change(
            event=Event.HARVEST_STEP,
            reason=f"cancelled on request, before what it comes after succeeded ({work.reason})",
            due=now.steady,
            outcome=Outcome.CANCELLED,
            stop="cancel",
        )
    return Change(event=Event.HARVEST_STEP, reason=work.reason, due=now.steady + LOOK_AGAIN)


def unfetchable(work: Work, why: str, now: Now, u: float) -> Change:
    """Outputs that cannot be fetched; after a dozen such answers a person decides."""
    reason = (
        f"outputs cannot be fetched: {why}; release to try again, retry for a new run, cancel to"
        " give them up"
    )
    return _missed(work, Event.HARVEST_STEP, why, now, u, hold=Hold("outputs", reason))


def published(work: Work, now: Now, notes: Sequence[str] = ()) -> Change:
    """The results are visible: the job ends, or is queued for its next run.

    `notes` are what people should know of the results, if anything.
    """
    outcome = work.outcome or Outcome.FAILED
    spec, job, due = work.spec.retry, JobState.FAILED, now.steady
    reason = "; ".join([work.reason, *notes])
    hold = None
    if outcome is Outcome.SUCCEEDED:
        job = JobState.SUCCEEDED
    elif outcome is Outcome.CANCELLED or work.want is Want.CANCEL:
        job = JobState.CANCELLED
    elif _worth_another_run(work, outcome, now):
        job = JobState.QUEUED
        due = now.steady + retry_delay(spec.delay, work.number)
        reason = f"{reason}; run {work.number} of {work.runs_allowed}"
        if work.suspect:
            hold = Hold("unknown", f"{reason}; the queue was restored: {MAYBE_STARTED}")
    return Change(
        event=Event.PUBLISHED, reason=reason, due=now.steady, job=job, job_due=due, hold=hold
    )


def _worth_another_run(work: Work, outcome: Outcome, now: Now) -> bool:
    if work.spoilt is not None:
        return False
    if work.deadline is not None and now.wall >= work.deadline:
        return False
    return outcome.value in work.spec.retry.on and work.number < work.runs_allowed
