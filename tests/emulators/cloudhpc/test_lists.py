"""Lists of simulations of the emulated cloudHPC, and what a record holds."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.emulators.cloudhpc.asking import TECHNICAL, Client

FIELDS = {
    "id", "user_id", "cpu", "ram", "nopre", "folder", "mesh", "script", "clean", "idate", "edate",
    "cpu_hrs", "cost", "status", "logs", "images", "vnc_url",
}  # fmt: skip
DATE = "%Y-%m-%d %H:%M:%S"


def listed(me: Client, page: int = 1, by: str = "id/desc") -> list[Any]:
    """Return the records on a page."""
    found: list[Any] = me.get(f"/simulation/index-short/{by}/{page}")
    return found


def test_pages_down_to_the_first_simulation(me: Client) -> None:
    """A client that reads one page, or knows how long it is, would go unnoticed."""
    me.others("simulations", folder="f", count=30)
    ids = [it["id"] for page in (1, 2, 3) for it in listed(me, page)]
    assert ids == list(range(max(ids), 0, -1))
    assert len(listed(me)) == 25
    assert [it["id"] for it in listed(me, by="id/asc")] == list(range(1, 26))
    assert listed(me, 9) == []
    me.set(page=7)
    assert [it["id"] for it in listed(me, 2)] == [it - 7 for it in ids[:7]]


@pytest.mark.parametrize("path", ["nothing/asc/1", "id/up/1", "id/asc/0", "id/asc/-1", "id/asc/x"])
def test_a_wrong_list_is_refused(me: Client, path: str) -> None:
    """A misspelt call would look like one that found nothing."""
    assert me.refused("GET", f"/simulation/index-short/{path}") == (403, TECHNICAL)


def test_ids_of_others_come_between(me: Client) -> None:
    """A client that takes the newest id for its own would go unnoticed."""
    me.faults("neighbours=2")
    first = me.script("mine-1", "true")
    assert me.add("mine-2") == first + 3
    [theirs] = me.others("simulations", folder="mine-2", status=30)
    found = {it["id"]: it for it in listed(me)}
    assert (found[first + 1]["folder"], found[first + 1]["status"]) == ("of-somebody-else", 10)
    assert (found[theirs]["folder"], found[theirs]["status"]) == ("mine-2", 30)
    assert found[theirs]["user_id"] != found[first]["user_id"]
    starts = [(it["run"], it["tags"]) for it in me.control()["starts"]]
    assert starts[-2:] == [(str(first), ["mine-1"]), (str(first + 3), ["mine-2"])]


def test_what_runs_is_first_by_its_end(me: Client) -> None:
    """The vendor's command-line client finds running simulations that way."""
    me.ended(me.script("done", "true"))
    lives = me.script("lives", "sleep 600")
    me.until_works(lives)
    me.set(page=1000)
    found = listed(me, by="edate/asc")
    ends = [it["edate"] for it in found]
    assert ends == sorted(ends)
    assert lives in [it["id"] for it in found if it["edate"] == ""]
    down = listed(me, by="edate/desc")
    assert [it["id"] for it in down] == [it["id"] for it in found[::-1]]
    statuses = [it["status"] for it in listed(me, by="status/asc")]
    assert statuses == sorted(statuses)
    assert {10, 30} <= set(statuses)


def test_a_record_has_these_fields_and_no_others(me: Client) -> None:
    """Code would be written against fields, or types, that the service does not send."""
    id_ = me.script("fields", "echo said; sleep 600", mesh="other")
    me.until_works(id_)
    [record] = [it for it in listed(me) if it["id"] == id_]
    assert record.keys() == FIELDS
    told = {name: record[name] for name in ("cpu", "ram", "nopre", "folder", "mesh", "script")}
    assert told == {
        "cpu": 2, "ram": "standard", "nopre": 1, "folder": "fields", "mesh": "other",
        "script": "custom-script-u24",
    }  # fmt: skip
    assert (record["status"], record["edate"], record["logs"]) == (30, "", "")
    assert me.get(f"/simulation/view-short/{id_}").keys() == FIELDS
    assert me.get(f"/simulation/view/{id_}").keys() == FIELDS | {"output"}
    assert record["vnc_url"].rpartition("/")[2] in me.control()["given"]


def test_dates_have_no_zone_and_that_of_the_server(me: Client) -> None:
    """A client that takes them for UTC, or for its own time, would go unnoticed."""
    me.set(zone=2)
    record = me.ended(me.script("dated", "true"))
    for name in ("idate", "edate"):
        date = datetime.strptime(record[name], DATE).replace(tzinfo=UTC) - timedelta(hours=2)
        assert abs(me.control()["clock"] - date.timestamp()) < 30


def test_hours_and_cost_are_texts_and_grow(me: Client) -> None:
    """A client would be tested with numbers where the service sends texts."""
    id_ = me.script("costs", "sleep 600", cpu="16")
    me.until_works(id_)
    seen = []
    for _ in range(2):
        me.ahead(3600)
        record = me.get(f"/simulation/view-short/{id_}")
        assert all(re.fullmatch(r"\d+\.\d+", record[it]) for it in ("cpu_hrs", "cost"))
        seen.append((float(record["cpu_hrs"]), float(record["cost"])))
    assert seen[0][0] == pytest.approx(16, abs=0.2)
    assert seen[1][0] == pytest.approx(32, abs=0.2)
    assert seen[1][1] > seen[0][1] > 0


def test_what_has_not_begun_has_neither(me: Client) -> None:
    """Null, or 0, would be taken for what the service sends."""
    [id_] = me.others("simulations", folder="waits", status=20)
    record = me.get(f"/simulation/view-short/{id_}")
    assert (record["status"], record["cpu_hrs"], record["cost"], record["edate"]) == (
        20,
        "",
        "",
        "",
    )


def test_records_that_are_not_told_of_rightly(me: Client) -> None:
    """A lagging list would be taken for absence, another's record for one's own."""
    id_ = me.script("lag", "sleep 600")
    me.until_works(id_)
    me.faults("list-lag=60")
    assert id_ not in [it["id"] for it in listed(me)]
    me.faults("empty-page,times=1")
    assert [len(listed(me)) > 0 for _ in range(2)] == [False, True]
    me.faults("foreign-id", "odd-status")
    record = me.get(f"/simulation/view-short/{id_}")
    assert (record["id"] != id_, record["status"]) == (True, 70)
    me.faults("numbers-as-texts")
    record = listed(me)[0]
    assert (record["id"], record["status"], record["nopre"]) == (str(id_), "30", "1")
    me.faults("texts-as-numbers")
    record = listed(me)[0]
    assert {type(record["cpu_hrs"]), type(record["cost"])} == {float}
