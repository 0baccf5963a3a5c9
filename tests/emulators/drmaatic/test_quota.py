"""What an account of the emulated DRMAAtic may use."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulators.drmaatic.kind import KIND
from orchestrator.emulators.server import Settings, serving
from tests.emulators.drmaatic.asking import Client


def refused(me: Client, task: str, **more: Any) -> tuple[int, str | None]:
    """Submit a run; return status and Retry-After."""
    answer = me.post(task, **more)
    return answer.status_code, answer.headers.get("Retry-After")


def left(me: Client, query: str = "") -> dict[str, Any]:
    """Return what is said of the credit that is left."""
    found: dict[str, Any] = me.get(f"/cpu-credit/{query}")
    return found


def test_credit_is_spent_and_comes_again(me: Client) -> None:
    """A client that submits too much would find out at the real service."""
    me.set(credit=100, credit_every=1000, credit_amount=20)
    me.ahead(100_000)  # what other tests spent has come again
    assert me.post("too-big").status_code == 201
    assert me.post("expensive", ("seconds", "x")).status_code == 400  # it costs all the same
    assert left(me) == {"available_cpu_credit": 39}
    status, after = refused(me, "expensive")
    assert (status, int(after or 0) in range(900, 1001)) == (429, True)
    told = left(me, "?required=99")
    assert told["available_cpu_credit"] == 39
    assert 2900 < told["wait_time"] <= 3000
    assert left(me, "?required=101")["wait_time"] == "infinite"
    me.ahead(1000)
    assert refused(me, "expensive") == (429, None)  # 59: it came just now, and is not enough
    me.ahead(1000)
    assert left(me) == {"available_cpu_credit": 79}
    assert refused(me, "expensive") == (201, None)
    me.ahead(100_000)
    assert left(me) == {"available_cpu_credit": 100}


def test_each_process_has_purses_of_its_own(me: Client) -> None:
    """That a submission is taken right after a refusal would surprise a client."""
    me.set(credit=60, credit_every=100_000, processes=2)
    me.ahead(200_000)
    for _ in range(2):
        left(me)  # both purses are filled
    statuses = [me.post("expensive", who="bob").status_code for _ in range(4)]
    assert statuses == [201, 201, 429, 429]


def test_reads_are_counted_too(me: Client) -> None:
    """A client that polls too often would find out at the real service."""
    me.set(reads=3)
    me.ahead(61)
    answers = [me.ask("GET", "/job/") for _ in range(4)]
    assert [it.status_code for it in answers] == [200, 200, 200, 429]
    assert 30 < int(answers[3].headers["Retry-After"]) <= 60
    assert me.post("too-big").status_code == 201
    assert me.ask("GET", "/job/", "bob").status_code == 200
    assert me.ask("GET", "/task/").status_code == 200
    me.ahead(61)
    assert me.ask("GET", "/job/").status_code == 200


def test_the_older_dialect_counts_every_call_of_a_day(tmp_path: Path) -> None:
    """An account with 100 calls a day would be used up, and nobody had seen it before."""
    dials = {"dialect": 2023, "daily": 3}
    with serving(KIND, tmp_path, Settings(step=0.01, dials=dials)) as told:
        me = Client(told, "task")
        statuses = [me.post("sleep", ("seconds", "0")).status_code for _ in range(2)]
        statuses += [me.ask("GET", "/task/").status_code for _ in range(2)]
        assert statuses == [201, 201, 200, 429]
        assert 86300 < int(me.post("sleep").headers["Retry-After"]) <= 86400
        assert me.ask("GET", "/cpu-credit/").status_code == 404
        me.set(daily=0)
        me.close()


@pytest.mark.parametrize("who", ["slow"])
def test_one_account_is_soon_used_up(me: Client, who: str) -> None:
    """A test of a quota would have to make hundreds of calls."""
    me.ahead(100_000)
    statuses = [me.post("nofile", who=who).status_code for _ in range(6)]
    assert statuses == [201] * 5 + [429]
