"""Where a job stands, why, and what comes next: facts to sentences, without looking anywhere."""

from dataclasses import dataclass

from orchestrator.cli.screen import moment, span
from orchestrator.core.lifecycle import JobState, RunState, Want
from orchestrator.core.now import Now
from orchestrator.engine.survey import BACKLOG
from orchestrator.store.views import JobView, RunView


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds a job from outside.

    `daemon` is its process id, None without one. `room` is how many runs the job's backend takes
    at once, or in words what it lacks to take any. `live` counts the backend's runs that have not
    ended, `harvesting` those of them that only fetch outputs, `sought` those that a restored queue
    still looks for. `ahead` counts the queued jobs that are taken before this one. `results` is the
    folder of the job's results. `full` says that the disk is full, None when it is not.
    `held_back` says what the backend's account is not let do now, `budgets` how many calls it has;
    `configured` is whether the backend is still in the configuration.
    """

    daemon: int | None
    room: int | str
    live: int
    harvesting: int
    sought: int
    ahead: int
    results: str
    full: str | None = None
    held_back: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()
    configured: bool = True


def explanation(
    job: JobView, run: RunView | None, around: Surroundings, now: Now
) -> list[tuple[str, str]]:
    """Return pairs of a heading and a sentence; the texts may be foreign and are not escaped."""
    said = [
        ("job", f"{job.name} ({job.id})"),
        ("state", f"{job.shown}, since {moment(job.changed_at)} ({_ago(job.changed_at, now)})"),
    ]
    live = run if run is not None and run.state is not RunState.ENDED else None
    if live is not None:
        remote = f", there known as {live.remote_id}" if live.remote_id else ""
        said.append(("run", f"{live.number} of {job.allowed} on {job.backend}{remote}"))
    if live is not None and job.lease is not None:
        said.append(("has", f"{job.lease}, to itself until the run has ended"))
    if job.state.is_final:
        return said + _ended(job, run, around)
    said += _held(job, live) if job.want is Want.HOLD else _moving(job, live, around, now)
    said += _error(live, now)
    said += _limits(job, live, now)
    said += [("account", sentence) for sentence in around.budgets]
    said += [("but", sentence) for sentence in around.held_back]
    if not around.configured:
        table = f"[backends.{job.backend}]"
        mend = f"put {table} back into orchestrator.toml and start the daemon again"
        said.append(("but", f"no backend {job.backend} is configured any more: {mend}"))
    if around.full is not None:
        said.append(("but", around.full))
    if around.daemon is None:
        said.append(("but", "no daemon runs, so nothing happens until `orchestrator serve`"))
    return said


def _ended(job: JobView, run: RunView | None, around: Surroundings) -> list[tuple[str, str]]:
    said = [("why", job.reason)]
    if run is not None and run.manifest_sha256 is not None:
        said.append(("results", around.results))
    next_ = "nothing: the job has ended"
    if job.state is not JobState.SUCCEEDED:
        next_ += f"; `orchestrator retry {job.id}` gives it another run"
    return [*said, ("next", next_)]


def _held(job: JobView, live: RunView | None) -> list[tuple[str, str]]:
    said = [("held", job.hold_reason or "")]
    if live is not None and live.state in {RunState.RUNNING, RunState.UNKNOWN}:
        said.append(("meanwhile", "the run is left alone: it may go on, and nobody looks at it"))
    release, retry, cancel = (
        f"orchestrator {it} {job.id}" for it in ("release", "retry", "cancel")
    )
    key = live.key if live else "its run"
    choices = {
        "user": f"`{release}` to go on, `{cancel}` to end it",
        "unknown": f"look for {key} at {job.backend}; then `{release}` to look again,"
        f" `orchestrator adopt {job.id} REMOTE_ID` if it is there, `{retry} --i-checked` if it is"
        f" not, `{cancel}` to give it up",
        "lost": f"`{retry}` for a new run, `{cancel}` to give it up",
        "input": f"`{retry}` takes the file as it is now, `{cancel}` gives the job up",
        "outputs": f"`{release}` to fetch them again, `{retry}` to run it again, `{cancel}` to end",
    }
    if live is None and job.hold_code == "unknown":  # the queue was restored
        choices["unknown"] = f"look, then `{release}` to run it, `{cancel}` to give it up"
    elif live is not None and live.state is RunState.RUNNING:  # it is stuck
        choices["unknown"] = (
            f"look for {live.remote_id} at {job.backend}; then `{release}` to look again,"
            f" `{retry} --i-checked` for a new run instead, `{cancel}` to give it up"
        )
    return [*said, ("next", f"nothing by itself; {choices[job.hold_code or 'user']}")]


def _moving(
    job: JobView, live: RunView | None, around: Surroundings, now: Now
) -> list[tuple[str, str]]:
    if live is None:
        return _queued(job, around, now)
    stopping = job.want is Want.CANCEL or live.stop is not None
    when, said = _when(live.due, now), []
    match live.state:
        case RunState.STAGING if live.staging_steps > live.staged:
            waits = f"its inputs: {live.staged} of {live.staging_steps} have been brought over"
            then = f"the next input, {when}"
        case RunState.STAGING:
            waits, then = "its submit", f"it is submitted to {job.backend}, {when}"
        case RunState.SUBMITTING:
            waits, then = f"the answer of {job.backend} to its submit", "what the answer asks for"
        case RunState.UNKNOWN:
            waits = f"proof whether {job.backend} has taken it; it is looked for as {live.key}"
            then = f"{job.backend} is asked again, {when}"
        case RunState.HARVESTING:
            said.append(("run ended", live.reason))
            waits = "its outputs"
            if live.harvest_steps:  # what is fetched in one go is not counted
                waits += f": {live.harvested} of {live.harvest_steps} have been fetched"
            then = f"the next output, {when}"
        case _:
            if live.reason:
                said.append((f"{job.backend} says", live.reason))
            waits = (
                "confirmation that its run has stopped; it may go on until then"
                if stopping
                else "the end of its run"
            )
            then = f"{job.backend} is asked how it stands, {when}"
    others = [] if job.waits_for is None else [("and for", job.waits_for)]
    return [*said, ("waits for", waits), *others, ("next", then)]


def _queued(job: JobView, around: Surroundings, now: Now) -> list[tuple[str, str]]:
    if job.want is Want.CANCEL:
        return [("next", "it is taken out of the queue, at once")]
    if job.waits_for is not None:
        return [("waits for", job.waits_for), ("next", "it starts when all of them succeeded")]
    if job.due > now.steady:
        begun = f"run {job.runs + 1} of {job.allowed} starts, {_when(job.due, now)}"
        waits = "the pause before its next run" if job.runs else "its time"
        return [("last run", job.reason), ("waits for", waits), ("next", begun)]
    if job.in_line_for is not None:
        turn = "it starts in its turn, as soon as that job's run has ended"
        return [("waits for", job.in_line_for), ("next", turn)]
    return _startable(job, around)


def _startable(job: JobView, around: Surroundings) -> list[tuple[str, str]]:
    """Say what keeps a job from its run that may start now."""
    if isinstance(around.room, str):
        return [("waits for", around.room), ("next", "nothing until that is mended")]
    if around.sought:
        waits = f"{around.sought} runs of the restored queue to be looked for on {job.backend}"
        return [("waits for", waits), ("next", "it starts when it is known what became of them")]
    before = "" if not around.ahead else f"; before it in the queue: {around.ahead}"
    if around.live >= around.room + BACKLOG:
        waits = f"the outputs of {around.harvesting} runs that have ended on {job.backend}{before}"
        return [("waits for", waits), ("next", "it starts when they have been fetched")]
    if around.live - around.harvesting + around.ahead >= around.room:
        limit = f"a free place on {job.backend}, which takes {around.room} at once{before}"
        return [("waits for", limit), ("next", "it starts when a run ends")]
    return [("waits for", f"the daemon's next look{before}"), ("next", "it starts, at once")]


def _error(live: RunView | None, now: Now) -> list[tuple[str, str]]:
    if live is None or live.last_error is None:
        return []
    when = "" if live.last_error_at is None else f" ({_ago(live.last_error_at, now)})"
    tries = f", {live.tries} tries in a row" if live.tries > 1 else ""
    return [("last error", f"{live.last_error}{when}{tries}")]


def _limits(job: JobView, live: RunView | None, now: Now) -> list[tuple[str, str]]:
    said = []
    limit = (job.spec.get("limits") or {}).get("time")
    if limit is not None:
        left = limit - (now.steady - live.started) if live and live.started is not None else limit
        said.append(("time limit", f"{span(limit)} a run; {span(left)} left of this one"))
    if job.deadline is not None:
        ahead = job.deadline - now.wall
        passed = f"in {span(ahead)}" if ahead > 0 else "passed"
        said.append(("deadline", f"{moment(job.deadline)} ({passed})"))
    return said


def _ago(wall: float, now: Now) -> str:
    return f"{span(now.wall - wall)} ago"


def _when(due: float, now: Now) -> str:
    """Say when a steady time is; a time that has passed is now."""
    left = due - now.steady
    return f"in {span(left)}, at {moment(now.wall + left)}" if left > 0 else "at once"
