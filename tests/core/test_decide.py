"""What an act comes to until a run has ended: every decision, whole, on plain values."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Literal

import pytest

from orchestrator.core import decide
from orchestrator.core.after import Waits
from orchestrator.core.lifecycle import Event, JobState, Outcome, Want
from orchestrator.core.pacing import backoff, poll_delay
from orchestrator.core.spec import Limits, Retry
from orchestrator.core.work import Change, Hold
from tests.core.deciding import ENDS, HUNDRED_SECONDS, NOW, SPOILT, STAYS, U, work

# ── when to stop ──


@pytest.mark.parametrize(
    ("fields", "keeps", "cause"),
    [
        ({}, False, None),
        ({"want": Want.CANCEL}, False, "cancel"),
        ({"want": Want.CANCEL}, True, "cancel"),
        ({"deadline": 50_001.0}, False, None),
        ({"deadline": 50_000.0}, False, "deadline"),
        ({"deadline": 50_000.0}, True, "deadline"),
        ({"limits": HUNDRED_SECONDS, "started": 900.0}, False, "time_limit"),
        ({"limits": HUNDRED_SECONDS, "started": 901.0}, False, None),
        ({"limits": HUNDRED_SECONDS, "started": 900.0}, True, None),
        ({"limits": HUNDRED_SECONDS}, False, None),
        ({"limits": HUNDRED_SECONDS, "started": 900.0, "waits": Waits.BEHIND}, False, None),
        ({"spoilt": SPOILT}, False, "cancel"),
        ({"spoilt": SPOILT, "waits": Waits.YES}, True, "cancel"),
    ],
)
def test_a_run_is_stopped_when_it_is_due_and_not_before(
    fields: dict[str, Any], cause: str | None, *, keeps: bool
) -> None:
    """A run would be cut off too early, or never."""
    assert decide.stop_due(work(**fields), NOW, keeps_time_limit=keeps) == cause


DROPPED: dict[str, Change] = {
    "cancel": ENDS(
        event=Event.DROPPED,
        reason="cancelled on request, before it was started",
        outcome=Outcome.CANCELLED,
        job=JobState.CANCELLED,
        stop="cancel",
    ),
    "deadline": ENDS(
        event=Event.DROPPED,
        reason="its deadline passed before it was started",
        outcome=Outcome.TIMED_OUT,
        job=JobState.FAILED,
        stop="deadline",
    ),
}


@pytest.mark.parametrize("cause", ["cancel", "deadline"])
def test_what_was_not_started_is_dropped(cause: Literal["cancel", "deadline"]) -> None:
    """A job that nobody wants any more would still be started."""
    assert decide.drop(work(want=Want.CANCEL), cause, NOW) == DROPPED[cause]


@pytest.mark.parametrize("want", [Want.RUN, Want.CANCEL])
def test_what_was_dropped_for_another_says_so(want: Want) -> None:
    """A person would be said to have cancelled what he never touched, or not what he did."""
    expected = DROPPED["cancel"]
    if want is Want.RUN:
        expected = replace(expected, reason=f"not started: {SPOILT}")
    assert decide.drop(work(want=want, spoilt=SPOILT), "cancel", NOW) == expected


# ── what did not work ──


@pytest.mark.parametrize("retry_after", [None, 60.0])
def test_a_try_that_failed_is_made_again_later(retry_after: float | None) -> None:
    """A service would be asked again at once, or sooner than it said; `explain` would be empty."""
    change = decide.later(work(tries=3), Event.NOT_SENT, "503", NOW, U, retry_after=retry_after)
    due = 1000.0 + backoff(4, U, retry_after)
    assert change == STAYS(event=Event.NOT_SENT, due=due, tries=4, error="503")


@pytest.mark.parametrize(
    ("want", "job"), [(Want.RUN, JobState.FAILED), (Want.CANCEL, JobState.CANCELLED)]
)
def test_a_refused_run_ends(want: Want, job: JobState) -> None:
    """A request that is always refused would be made for ever, or its reason not be told."""
    assert decide.refuse(work(want=want), "no such queue", NOW) == ENDS(
        event=Event.REFUSED, reason="refused: no such queue", outcome=Outcome.REJECTED, job=job
    )


# ── a doubtful submit ──


def test_a_doubt_is_dated_and_looked_into_at_once() -> None:
    """The window after which absence is proof would have no beginning."""
    assert decide.doubt(work(tries=3), "no answer", NOW) == Change(
        event=Event.DOUBTFUL,
        reason="outcome of the submit unknown: no answer",
        due=1000.0,
        tries=3,
        error="no answer",
        doubt_since=1000.0,
    )


@pytest.mark.parametrize(("since", "due"), [(950.0, 1010.0), (990.0, 1004.75), (None, 1001.9)])
def test_absence_within_the_window_is_no_proof(since: float | None, due: float) -> None:
    """A request that the service still holds would be sent a second time: the job runs twice.

    Nor would a run that shows late be left alone until the window is over: it costs money.
    """
    change = decide.absent(work(doubt_since=since, tries=2), "not listed", 60.0, NOW, U)
    assert change == STAYS(
        event=Event.UNCLEAR,
        due=due,
        tries=2,
        error="not listed; this counts as proof from 60 s after the submit",
    )


def test_absence_after_the_window_is_proof() -> None:
    """A lost request would never be sent again, or at once and for ever."""
    change = decide.absent(work(doubt_since=940.0, tries=2), "not listed", 60.0, NOW, U)
    assert change == Change(
        event=Event.ABSENT,
        reason="provably not started: not listed",
        due=1000.0 + backoff(3, U),
        tries=3,
    )


def test_absence_is_never_proof_where_the_kind_cannot_prove_it() -> None:
    """The job would run twice on a service that lists nothing."""
    change = decide.absent(work(doubt_since=0.0), "not listed", None, NOW, U)
    why = "not listed; this kind of backend cannot prove absence"
    assert change == decide.unclear(work(doubt_since=0.0), why, NOW, U)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [({"want": Want.CANCEL}, "cancel"), ({"deadline": 50_000.0}, "deadline")],
)
def test_an_absent_run_that_nobody_wants_ends(fields: dict[str, Any], cause: str) -> None:
    """A cancelled job would be submitted again after its absence was proved."""
    change = decide.absent(work(doubt_since=900.0, **fields), "not listed", 60.0, NOW, U)
    assert change == DROPPED[cause]


# ── answers that are no help ──

UNHELPFUL = [
    (
        decide.unclear,
        Event.UNCLEAR,
        Hold(
            "unknown",
            "unknown outcome: no idea; look at the backend for orch-homehome-r, then: adopt"
            " REMOTE_ID if it is there, retry --i-checked if it is not, release to look again,"
            " cancel to give up",
        ),
    ),
    (
        decide.unfetchable,
        Event.HARVEST_STEP,
        Hold(
            "outputs",
            "outputs cannot be fetched: no idea; release to try again, retry for a new run,"
            " cancel to give them up",
        ),
    ),
]


@pytest.mark.parametrize(("decision", "event", "hold"), UNHELPFUL)
def test_a_person_is_asked_after_a_dozen_answers_that_are_no_help(
    decision: Any, event: Event, hold: Hold
) -> None:
    """A person would be called for nothing, or never, or not be told what he can do."""
    patient = decision(work(misses=10, tries=40), "no idea", NOW, U)
    due = 1000.0 + backoff(11, U)
    assert patient == STAYS(event=event, due=due, tries=41, missed=True, error="no idea")
    asked = decision(work(misses=11, tries=40), "no idea", NOW, U)
    assert asked == STAYS(event=event, due=1000.0, missed=True, error="no idea", hold=hold)


@pytest.mark.parametrize(
    ("before", "outcome"),
    [
        (None, Outcome.ABANDONED),
        (Outcome.SUCCEEDED, Outcome.ABANDONED),  # without its outputs it is none
        (Outcome.FAILED, Outcome.FAILED),
    ],
)
@pytest.mark.parametrize("decision", [decide.unclear, decide.unfetchable])
def test_a_cancel_ends_what_no_answer_will_settle(
    decision: Any, before: Outcome | None, outcome: Outcome
) -> None:
    """`cancel` would lead back to the same hold, or a known end be recorded as unknown."""
    change = decision(work(misses=11, want=Want.CANCEL, outcome=before), "no idea", NOW, U)
    assert change == ENDS(
        event=Event.GIVEN_UP,
        reason="cancelled on request, and given up: no idea",
        outcome=outcome,
        job=JobState.CANCELLED,
    )


@pytest.mark.parametrize("misses", [0, 11])
def test_of_several_runs_with_one_key_a_person_chooses_at_once(misses: int) -> None:
    """One of them would be taken for ours by chance, or looked for a dozen times in vain."""
    change = decide.several(work(misses=misses, tries=3), ("7", "9"), NOW)
    why = "more than one run carries orch-homehome-r: 7, 9"
    assert change == decide.unclear(work(misses=11), why, NOW, U)
    assert change.hold is not None
    assert change.hold.code == "unknown"
    assert f"unknown outcome: {why}; look" in change.hold.reason


def test_several_runs_of_a_cancelled_job_are_given_up() -> None:
    """The daemon would end one of them though it may be another's, or never be done."""
    change = decide.several(work(want=Want.CANCEL), ("7", "9"), NOW)
    assert change == ENDS(
        event=Event.GIVEN_UP,
        reason="cancelled on request, and given up: more than one run carries orch-homehome-r:"
        " 7, 9",
        outcome=Outcome.ABANDONED,
        job=JobState.CANCELLED,
    )


@pytest.mark.parametrize("window", [0.0, 60.0, None])
@pytest.mark.parametrize("want", [Want.RUN, Want.CANCEL])
def test_of_a_restored_run_absence_proves_nothing(window: float | None, want: Want) -> None:
    """A run that was published and forgotten after the copy was made would be started again."""
    fresh = work(doubt_since=0.0, suspect=True, want=want)
    why = "not listed; but the queue was restored, and may not know all that became of it"
    change = decide.absent(fresh, "not listed", window, NOW, U)
    assert change == decide.unclear(replace(fresh, misses=11), why, NOW, U)  # a person, at once


# ── while it runs ──


@pytest.mark.parametrize("hints", [True, False])
@pytest.mark.parametrize(("started", "age"), [(900.0, 100.0), (None, 0.0)])
def test_a_run_on_which_all_is_well_is_looked_at_by_its_age(
    started: float | None, age: float, *, hints: bool
) -> None:
    """A service would be asked too often, or the end of a run be seen late."""
    due = 1000.0 + poll_delay(age, U, hints=hints)
    alive = partial(decide.alive, work(started=started), now=NOW, u=U, hints=hints)
    assert alive(detail="step 7") == Change(event=Event.ALIVE, reason="step 7", due=due)
    assert alive(detail="") == STAYS(event=Event.ALIVE, due=due)


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"limits": Limits(time=timedelta(seconds=1005))}, 1005.0),
        ({"limits": HUNDRED_SECONDS}, 1001.0),
        ({"deadline": 50_007.0}, 1007.0),
        ({"deadline": 49_000.0}, 1001.0),
    ],
)
def test_the_next_look_is_not_later_than_a_limit(fields: dict[str, Any], due: float) -> None:
    """A run would go on for minutes after its limit, or be asked about without a pause."""
    change = decide.alive(work(started=0.0, **fields), "", NOW, U, hints=False)
    assert change == STAYS(event=Event.ALIVE, due=due)


def test_a_place_that_forgets_is_looked_at_in_time() -> None:
    """How a long run ended would be forgotten over there between two looks."""
    old = work(started=-1e6)
    assert decide.next_poll(old, NOW, U, hints=False, within=40.0) == 1040.0
    change = decide.alive(old, "", NOW, U, hints=False, within=40.0)
    assert change == STAYS(event=Event.ALIVE, due=1040.0)


def test_a_run_asked_to_stop_is_looked_at_until_it_has() -> None:
    """A cancelled run would be taken for ended, or asked about in a busy loop."""
    stopped = work(started=0.0, stop="cancel", tries=2)
    change = decide.alive(stopped, "step 7", NOW, U, hints=False)
    assert change == decide.later(stopped, Event.ALIVE, "asked to stop; not ended yet", NOW, U)


def test_a_lost_run_waits_for_a_person() -> None:
    """A run that may have done half its work would be run again by itself."""
    reason = "lost: reboot; retry to run it again, cancel to give it up"
    change = decide.lost(work(retry=Retry(attempts=5), runs_allowed=5), "reboot", NOW)
    assert change == STAYS(event=Event.ALIVE, due=1000.0, hold=Hold("lost", reason))


STUCK = (
    "look at there for 21/57, then: release to look again, retry --i-checked for a new run"
    " instead, cancel to give it up"
)


@pytest.mark.parametrize(
    ("want", "said"),
    [
        (Want.RUN, "stuck: its log stands"),
        (Want.CANCEL, "cancelled on request, but stuck: its log stands"),
    ],
)
def test_a_stuck_run_waits_for_a_person(want: Want, said: str) -> None:
    """It would be taken for dead while it computes, or hang there for ever."""
    stuck = decide.stuck(work(want=want, remote_id="21/57"), "its log stands", NOW)
    hold = Hold("unknown", f"{said}; {STUCK}")
    event, error = Event.ALIVE, "stuck: its log stands"
    assert stuck == STAYS(
        event=event, due=1000.0, missed=True, error=error, hold=hold, doubt_since=1000.0
    )


def test_a_stuck_run_is_given_up_by_who_was_told() -> None:
    """A job could not be got rid of, or be asked about again and again."""
    told = work(want=Want.CANCEL, misses=1, remote_id="21/57")
    assert decide.stuck(told, "its log stands", NOW) == ENDS(
        event=Event.GIVEN_UP,
        reason="cancelled on request, and given up: stuck: its log stands",
        outcome=Outcome.ABANDONED,
        job=JobState.CANCELLED,
    )
    assert decide.stuck(work(misses=1), "its log stands", NOW).event is Event.ALIVE


def test_a_run_that_nothing_can_stop_is_looked_at_as_before() -> None:
    """It would be asked after in a hurry, or its person not be told how to end it."""
    look = partial(decide.unstoppable, work(tries=3, stop="cancel"), how="press stop", due=1300.0)
    assert look("step 7") == Change(
        event=Event.ALIVE, reason="step 7", due=1300.0, error="press stop"
    )
    assert look("") == STAYS(event=Event.ALIVE, due=1300.0, error="press stop")


def test_a_lost_run_that_was_cancelled_ends() -> None:
    """A person would be asked what he has already answered."""
    assert decide.lost(work(want=Want.CANCEL), "reboot", NOW) == ENDS(
        event=Event.GIVEN_UP,
        reason="cancelled on request; how its run ended is lost: reboot",
        outcome=Outcome.LOST,
        job=JobState.CANCELLED,
    )
