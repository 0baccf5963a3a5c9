"""What every call to the emulated cloudHPC must pass: the key, and the number of calls."""

from pathlib import Path

import httpx
import pytest

from orchestrator.emulators.cloudhpc.kind import KIND
from orchestrator.emulators.server import serving
from tests.emulators.cloudhpc.asking import STREAM, TECHNICAL, Client
from tests.emulators.talking import TLS

LOOK = "/simulation/view-cpu"


def used(answer: httpx.Response) -> list[str]:
    """Return what the headers say: limit and used of the hour, of the day."""
    names = [f"{period}-{what}" for period in ("hourly", "daily") for what in ("limit", "used")]
    return [answer.headers[f"x-ratelimit-{name}"] for name in names]


@pytest.mark.parametrize("header", ["X-API-Key", "X-API-key", "x-api-key"])
def test_the_key_opens_in_any_case(me: Client, header: str) -> None:
    """The vendor's own examples write it in two ways; one of them would not work."""
    answer = me.bare.get(f"{me.told.url}{LOOK}", headers={header: me.key})
    assert answer.json() == {"response": [1, 2, 4, 8, 16, 32, 48, 64, 96, 112, 192, 224]}


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}])
def test_a_bad_key_is_403(me: Client, headers: dict[str, str]) -> None:
    """A wrong key would go unnoticed until a real account."""
    for path in (LOOK, "/simulation/add", "/no/such/thing"):
        answer = me.bare.post(f"{me.told.url}{path}", headers=headers)
        if path == LOOK:
            answer = me.bare.get(f"{me.told.url}{path}", headers=headers)
        assert (answer.status_code, answer.json()) == (403, {"errors": ["Unauthorized."]})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "view/99999"), ("GET", "view-short/99999"), ("GET", "view-short/x"),
     ("PUT", "stop/99999"), ("PUT", "sync/99999")],
)  # fmt: skip
def test_an_unknown_simulation_is_403_too(me: Client, method: str, path: str) -> None:
    """A client would be tested against a 404 that the service does not send."""
    refused = me.refused(method, f"/simulation/{path}", signal="SIGTSTP")
    assert refused == (403, TECHNICAL)


def test_what_there_is_not(me: Client) -> None:
    """A misspelt call would look like one that worked."""
    assert me.refused("GET", "/simulation/index-long/id/asc/1") == (404, "Not found.")


def test_every_reply_tells_how_many_calls_were_made(me: Client) -> None:
    """A client that reads the headers would be tested by nothing."""
    me.ahead(2 * 86400)
    me.set(hourly=50)
    assert used(me.api.get(LOOK)) == ["50", "1", "0", "1"]
    assert used(me.api.get("/simulation/view/99999")) == ["50", "2", "0", "2"]
    me.upload("counted", "a", b"1")  # one call: the transfer itself does not count
    assert used(me.api.get("/no/such/thing")) == ["50", "4", "0", "4"]
    me.others("calls", count=7)
    me.bare.get(f"{me.told.url}{LOOK}", headers={"X-API-Key": "wrong"})
    assert used(me.api.get(LOOK)) == ["50", "12", "0", "12"]
    me.ahead(3601)
    assert used(me.api.get(LOOK)) == ["50", "1", "0", "13"]


@pytest.mark.parametrize(("fault", "status"), [("", 429), ("over-quota-403", 403)])
def test_more_calls_than_allowed_are_refused_until_the_hour_is_over(
    me: Client, fault: str, status: int
) -> None:
    """A client that goes over its quota would find out at the real service."""
    me.ahead(2 * 86400)
    me.set(hourly=3)
    me.faults(*([fault] if fault else []))
    before = me.control()["account"]
    url = me.upload_url("over", "a")
    me.get(LOOK)
    me.others("calls", count=1)
    for _ in range(2):
        answer = me.api.post("/simulation/add", json={})
        assert (answer.status_code, "errors" in answer.json()) == (status, True)
        assert used(answer)[:2] == ["3", "3"]
    sent = me.bare.put(url, content=b"", headers={"Content-Type": STREAM})
    assert sent.status_code == 200  # it is no call
    me.ahead(3601)
    assert me.get(LOOK)
    now = me.control()["account"]
    made = {who: now[who] - before[who] for who in now}
    assert made == {"us": 3, "others": 1, "refused": 2}


def test_a_day_has_its_own_limit(me: Client) -> None:
    """Only one of the two limits would be kept."""
    me.ahead(2 * 86400)
    me.set(daily=2)
    assert [me.api.get(LOOK).status_code for _ in range(3)] == [200, 200, 429]
    me.ahead(3601)
    assert me.api.get(LOOK).status_code == 429
    me.ahead(86400)
    assert me.api.get(LOOK).status_code == 200


def test_hours_may_be_those_of_the_clock(me: Client) -> None:
    """Only one of two readings of "an hour" would be tested."""
    me.set(**{"fixed-hours": 1})
    me.ahead(2 * 86400 - me.control()["clock"] % 3600 + 3500)  # 100 s before a full hour
    assert used(me.api.get(LOOK))[1] == "1"
    me.ahead(200)
    assert used(me.api.get(LOOK))[1] == "1"
    me.set(**{"fixed-hours": 0})
    assert used(me.api.get(LOOK))[1] == "3"


def test_a_key_may_be_put_there_before(tmp_path: Path) -> None:
    """A test could not look for a key of its own making in what must not hold it."""
    key = 'a "key" of ours: ä%3d'
    (tmp_path / "api-key").write_text(key, "utf-8")
    with serving(KIND, tmp_path) as told:
        assert told.facts["api_key"] == key
        url, headers = f"{told.url}{LOOK}", {b"X-API-Key": key.encode()}
        answer = httpx.get(url, headers=headers, trust_env=False, verify=TLS)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [({"hourly": -1}, "hourly=-1: expected a number"), ({"calls": 1}, "no setting 'calls'"),
     ({"hourly": "many"}, "hourly=many: expected"), ([], "expected an object")],
)  # fmt: skip
def test_a_wrong_setting_is_refused(me: Client, body: object, says: str) -> None:
    """A test would run with another quota than it says."""
    answer = me.bare.put(f"{me.told.control}/settings", json=body)
    assert answer.status_code == 400
    assert says in answer.text
    assert me.control()["settings"]["hourly"] == 0
