"""What a job comes after: whether it may start, and what it waits for, in words. Pure.

A job starts when all that it comes after have succeeded. When one of them has ended otherwise, it
ends too, without having started. A place that holds runs back by itself may be given the run
earlier: behind live runs of its own, each of which decides alone whether its job succeeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.lifecycle import JobState, Outcome, Shown

MOST_TOLD = 3  # of the jobs that one comes after; the others are counted


class Waits(StrEnum):
    """Whether a job waits for others."""

    NO = "no"  # all that it comes after have succeeded
    YES = "yes"
    BEHIND = "behind"  # a place that holds runs back by itself may have its run now


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One job that another comes after, as `word` names it; all else is None until there is one.

    `remote_id`, `outcome`, `last` (no automatic retry can follow it) and `spoilt` are of its live
    run; `lost` says that the job is held because nobody can tell how that ended.
    """

    word: str
    job: str | None = None
    name: str | None = None
    backend: str | None = None
    state: JobState | None = None
    shown: Shown | None = None
    lost: bool = False
    remote_id: str | None = None
    outcome: Outcome | None = None
    last: bool = False
    spoilt: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it need not be waited for."""
        return self.state is JobState.SUCCEEDED

    @property
    def has_failed(self) -> bool:
        """Whether it has ended otherwise than well: nothing tries it again by itself."""
        return self.state is not None and self.state.is_final and not self.succeeded

    def is_good_on(self, backend: str) -> bool:
        """Whether its live run is on this backend and its success would be the job's own."""
        alive = self.remote_id is not None and self.backend == backend and self.last
        well = self.outcome in {None, Outcome.SUCCEEDED} and not self.lost and not self.spoilt
        return alive and well


def waits(earlier: Sequence[Earlier], backend: str) -> Waits:
    """Return whether a job of this backend waits for any of these."""
    left = [one for one in earlier if not one.succeeded]
    if not left:
        return Waits.NO
    return Waits.BEHIND if all(one.is_good_on(backend) for one in left) else Waits.YES


def remote_ids(earlier: Sequence[Earlier]) -> tuple[str, ...]:
    """Return behind which runs of its own a place is to hold a run back, in the order written."""
    left = [one.remote_id for one in earlier if not one.succeeded and one.remote_id is not None]
    return tuple(dict.fromkeys(left))


def hindrance(earlier: Sequence[Earlier]) -> str | None:
    """Return in words which of these has ended otherwise than well; None when none has."""
    for one in earlier:
        if one.has_failed:
            how = "failed" if one.state is JobState.FAILED else "was cancelled"
            return f"{_called(one)}, which it comes after, {how}"
    return None


def spoiled_by(earlier: Sequence[Earlier], backend: str) -> str:
    """Return in words which of these makes a run worthless that was given to its place early."""
    why = hindrance(earlier)
    if why is not None:
        return why
    bad = [one for one in earlier if not one.succeeded and not one.is_good_on(backend)]
    return f"{_called(bad[0])}, which it comes after, {_trouble(bad[0])}"


def _trouble(one: Earlier) -> str:
    if one.lost:
        return "is held: how its run ended is lost"
    if one.spoilt:
        return "will not succeed either"
    if one.outcome not in {None, Outcome.SUCCEEDED}:
        return f"has a run that ended: {one.outcome}"
    return "is given another run"


def in_words(earlier: Sequence[Earlier]) -> str:
    """Return what a job waits for: "mesh (7k2m4n6p8q9r), which is running"."""
    return _told([_waited_for(one) for one in earlier if not one.succeeded])


def met(earlier: Sequence[Earlier]) -> str:
    """Return in words which jobs a job waits for no more: a name may have meant an older one."""
    return f"all that it comes after have succeeded: {_told([_called(one) for one in earlier])}"


def _told(each: Sequence[str]) -> str:
    more = len(each) - MOST_TOLD
    return "; ".join(each[:MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")


def _waited_for(one: Earlier) -> str:
    if one.job is None:
        return f"a job named {one.word}: none was taken yet"
    state = "in doubt" if one.shown is Shown.UNKNOWN else str(one.shown).lower()
    return f"{_called(one)}, which is {state}"


def _called(one: Earlier) -> str:
    return f"{one.name} ({one.job})"
