"""Jobs that need the same thing to themselves, in the loop: one at a time, in turn, at once."""

import pytest

from orchestrator.backend import Alive, Finished, Lost
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import RunState
from orchestrator.engine.survey import Room, View, begin, survey
from tests.engine.bench import Bench
from tests.engine.conftest import NewBench

WELL = Finished(ok=True, reason="ended well", exit_code=0)
STUDY = "study 21"


def moments(bench: Bench, job: str) -> tuple[float, float]:
    """Return when the newest run of a job began and ended."""
    sql = "SELECT created_at, ended_at FROM run WHERE job = ? ORDER BY number DESC LIMIT 1"
    row = bench.conn.execute(sql, (job,)).fetchone()
    return row["created_at"], row["ended_at"]


def answer(bench: Bench, job: str, said: object) -> None:
    """Let the place say this of one run whenever it is asked, and of all others that they go on."""
    key = bench.read(job).key
    bench.backend.always["poll"] = lambda: {key: said}


def test_the_next_starts_at_once_and_nobody_behind_waits(new_bench: NewBench) -> None:
    """A licence would stand idle until something else happens; or stop jobs that need none."""
    bench = new_bench(max_runs=2)
    first, second, third = (bench.add(name=name, lease=STUDY) for name in ("a", "b", "c"))
    free = bench.add(name="free")
    bench.serve(100.0)
    assert bench.state(first) is bench.state(free) is RunState.RUNNING
    assert [bench.job(job)["shown"] for job in (second, third)] == ["WAITING", "WAITING"]
    answer(bench, first, WELL)
    bench.serve(100.0)
    assert bench.job(first)["state"] == "succeeded"
    assert bench.state(second) is RunState.RUNNING
    assert bench.job(third)["state"] == "queued"
    assert 0.0 <= moments(bench, second)[0] - moments(bench, first)[1] < 0.1


@pytest.mark.parametrize("how", ["retry", "cancel"])
def test_a_persons_word_on_a_lost_run_lets_the_next_start(bench: Bench, how: str) -> None:
    """The study would stay with a run that nobody will ever know the end of."""
    first, second = (bench.add(name=name, lease=STUDY) for name in ("a", "b"))
    bench.serve(10.0)
    answer(bench, first, Lost("gone"))
    bench.serve(1000.0)
    assert bench.job(first)["hold_code"] == "lost"
    assert bench.job(second)["state"] == "queued"
    answer(bench, first, Lost("gone") if how == "cancel" else Alive())
    assert bench.ask(Verb(how), first) is None
    bench.serve(10.0)
    assert bench.state(first if how == "retry" else second) is RunState.RUNNING
    assert bench.job(second)["state"] == ("queued" if how == "retry" else "active")


def test_a_failed_run_gives_it_away_before_its_job_is_tried_again(bench: Bench) -> None:
    """A job that fails again and again would keep the study from all that wait for it."""
    first, second = (bench.add(name=name, lease=STUDY, attempts=2) for name in ("a", "b"))
    bench.serve(10.0)
    answer(bench, first, Finished(ok=False, reason="ended badly", exit_code=1))
    bench.serve(100.0)
    assert bench.state(second) is RunState.RUNNING
    assert bench.job(first)["state"] == "queued"
    answer(bench, second, WELL)
    bench.serve(100.0)
    assert (bench.read(first).number, bench.state(first)) == (2, RunState.RUNNING)


def test_the_oldest_gets_it_on_whatever_backend(bench: Bench) -> None:
    """Jobs of the backend that is looked at first would always pass those of the others."""
    oldest = bench.add(backend="z", lease=STUDY)
    others = [bench.add(backend="a", lease=STUDY) for _ in range(2)]
    free = bench.add(backend="a")
    view = View(bench.now(), {name: Room(5, 5, 1) for name in ("a", "z")}, (), ())
    seen = survey(bench.conn, view)
    assert seen.startable == [oldest, others[0], free]
    named = [(job, bench.new_id(), bench.new_id()) for job in seen.startable]
    begin(bench.conn, seen, named, view)
    active = "SELECT id FROM job WHERE state = 'active' ORDER BY seq"
    assert [row["id"] for row in bench.conn.execute(active).fetchall()] == [oldest, free]
