"""Lists and pages of the emulated DRMAAtic."""

import pytest

from orchestrator.emulators.server import Told
from tests.emulators.drmaatic.asking import DONE, Client


def test_pages_lead_to_one_another(me: Client, told: Told) -> None:
    """A client that follows the pages would be tested by nothing."""
    ids = me.others("paged", count=5)
    query = "/job/?description=paged&page_size=2"
    pages = [me.get(f"{query}{more}") for more in ("", "&page=2", "&page=last")]
    found = [[it["uuid"] for it in page["results"]] for page in pages]
    assert found == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    at = f"{told.url}/job/?description=paged"
    assert [(page["previous"], page["next"]) for page in pages] == [
        (None, f"{at}&page=2&page_size=2"),
        (f"{at}&page_size=2", f"{at}&page=3&page_size=2"),
        (f"{at}&page=2&page_size=2", None),
    ]
    for bad in ("4", "0", "x"):
        answer = me.ask("GET", f"{query}&page={bad}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


def test_a_filter_by_status_goes_by_what_was_told_last(me: Client) -> None:
    """A client that looks only for what has ended would wait for ever, and not here."""
    id_ = me.shell("true", ("job_description", "filtered"))
    me.until_over(id_)
    query = f"?description=FILTER&status={DONE}"
    assert me.listed(query) == []
    assert [it["status"] for it in me.listed("?description=FILTER")] == [DONE]
    assert [it["uuid"] for it in me.listed(query)] == [id_]


def test_one_call_tells_of_many_runs_and_of_no_others(me: Client) -> None:
    """Runs of other accounts, or deleted ones, would be told of."""
    mine, other = me.others("many", count=3), me.others("many", owner="bob")
    assert me.ask("DELETE", f"/job/{mine[0]}/").status_code == 204
    ids = ",".join([*mine, *other, "11111111-1111-1111-1111-111111111111"])
    assert [it["uuid"] for it in me.listed(f"?ids={ids}")] == [mine[2], mine[1]]
    assert [it["uuid"] for it in me.listed(f"?ids={ids}", "bob")] == other
    assert len(me.listed(f"?ids={ids}", "admin")) == 4
    nobodys = me.start("too-big", who=None)
    assert [it["uuid"] for it in me.listed(f"?ids={ids},{nobodys}", None)] == [nobodys]


@pytest.mark.parametrize("scheme", ["bearer", "Token", "Basic", "BEARER", "Bearer:"])
def test_any_other_scheme_is_taken_for_none(me: Client, scheme: str) -> None:
    """A client that misspells it would be told, and there it is not."""
    headers = {"Authorization": f"{scheme} {me.tokens['alice']}"}
    assert me.ask("GET", "/job/", None, headers=headers).status_code == 204
    answer = me.ask("POST", "/job/", None, headers=headers, data={"task": "too-big"})
    assert answer.json()["has_owner"] is False


def test_without_the_last_slash_nothing_is_done(me: Client) -> None:
    """A client that follows redirects would submit nothing, or twice."""
    before = len(me.jobs())
    answer = me.ask("POST", "/job", data={"task": "nofile"})
    assert (answer.status_code, answer.headers["Location"]) == (301, "/job/")
    assert len(me.jobs()) == before
