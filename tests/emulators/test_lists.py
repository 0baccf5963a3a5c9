"""Lists of processes, outputs and licences, and what /help knows."""

from typing import Any

import pytest

from tests.emulators.talking import Person


@pytest.fixture(scope="module")
def ran(told: Any) -> list[str]:
    """Return three processes that have ended, made once: s0 failed, s1 and s2 did not."""
    person = Person(told, told.facts["mail"], told.facts["password"])
    scripts = ["exit 1", "echo 1 > a.txt", "echo 1 > a.txt; echo 2 > b.dat; echo 3 > c.txt"]
    made = [person.script(it, tags=[f"s{i}", "all"]) for i, it in enumerate(scripts)]
    for process in made:
        person.ended(process)
    person.close()
    return made


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ({}, [0, 1, 2]),
        ({"tags_intersects": ["s1", "s2", "other"]}, [1, 2]),
        ({"tags_intersects": ["other"]}, []),
        ({"tags_intersects": []}, []),
        ({"state": "dead"}, [1, 2]),
        ({"state": "dea"}, []),
        ({"state_contains": "shell"}, [0]),
        ({"app": "shell", "domain": "emulator", "endpoint": "run"}, [0, 1, 2]),
        ({"app": "other"}, []),
        ({"endpoint": "quotation"}, []),
        ({"agent": "somebody"}, []),
        ({"since": "2100-01-01T00:00:00Z"}, []),
        ({"until": "2100-01-01T00:00:00", "state": None}, [0, 1, 2]),
    ],
)
def test_processes_by_every_filter(
    me: Person, ran: list[str], query: dict[str, Any], which: list[int]
) -> None:
    """A run whose answer was lost would not be found again, and be started twice."""
    answer = me.post("/app/processes", **query)
    assert answer["paging"] == {"count": len(which), "items_per_page": len(which)}
    assert {it["id"] for it in answer["processes"]} == {ran[i] for i in which}


def test_processes_in_pages_and_without_some_fields(
    me: Person, colleague: Person, ran: list[str]
) -> None:
    """A run on the second page would count as absent."""
    query = {"items_per_page": 2, "tags_intersects": ["all"], "ignores": ["body"]}
    first = me.post("/app/processes", **query)
    second = me.get(first["paging"]["next"])
    found = [*first["processes"], *second["processes"]]
    assert {it["id"] for it in found} == set(ran)
    assert all("body" not in it for it in found)
    assert me.get(second["paging"]["previous"])["processes"] == first["processes"]
    assert me.get("/app/processes")["paging"]["count"] == 3
    assert colleague.get("/app/processes")["processes"] == []
    assert colleague.api.get(f"/app/process/{ran[0]}").status_code == 404
    assert me.refused("/app/processes", tag_intersects=["all"]) == 400
    assert me.refused("/app/processes", items_per_page=0) == 400


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["a.txt", "b.dat", "c.txt"]),
        ({"key_endswith": ".txt"}, ["a.txt", "c.txt"]),
        ({"key_contains": "/b"}, ["b.dat"]),
        ({"key_startswith": "nothing"}, []),
        ({"key": "c.txt"}, []),
        ({"expired": True}, []),
        ({"refresh": False}, ["a.txt", "b.dat", "c.txt"]),
    ],
)
def test_outputs_by_every_filter(
    me: Person, ran: list[str], query: dict[str, Any], names: list[str]
) -> None:
    """An output would be missed, or another fetched in its place."""
    answer = me.post(f"/app/process/outputs/{ran[2]}", **query)
    assert [it["key"] for it in answer["outputs"]] == [f"{ran[2]}/{name}" for name in names]


def test_outputs_in_pages(me: Person, colleague: Person, ran: list[str]) -> None:
    """Outputs beyond the first page would be lost."""
    path = f"/app/process/outputs/{ran[2]}"
    first = me.post(path, items_per_page=2, ignores=["url"])
    assert [list(it) for it in first["outputs"]] == [["key"], ["key"]]
    second = me.get(first["paging"]["next"])
    assert [it["key"] for it in second["outputs"]] == [f"{ran[2]}/c.txt"]
    assert colleague.refused(path) == 404


def test_licences(me: Person, colleague: Person) -> None:
    """What an account may run, and how much of it is used, could not be shown."""
    everything = me.get("/lics/licenses")["licenses"]
    assert [set(it) for it in everything] == [
        {
            "token", "name", "scope", "created", "until", "last_used", "last_failed", "active",
            "uses", "limit", "failed_attempts",
        }
    ] * 3  # fmt: skip
    one = everything[0]
    assert isinstance(one["uses"], float)
    assert isinstance(one["limit"], float)
    assert me.get(f"/lics/license/{one['token']}") == one
    assert colleague.api.get(f"/lics/license/{one['token']}").status_code == 404
    first = me.post("/lics/licenses", items_per_page=1)
    second = me.get(first["paging"]["next"])
    assert me.get(second["paging"]["previous"])["licenses"] == [one]
    process = me.script("true")
    me.ended(process)
    me.api.delete(f"/app/process/{process}").raise_for_status()  # the lists are of three
    me.faults("licence-used-up,times=1")
    assert me.refused("/app/emulator/shell/run", inputs={"script": "true"}) == 403
    used: dict[str, Any] = {"uses_grt": 0, "failed_attempts": 1, "name_contains": "shell"}
    (licence,) = me.post("/lics/licenses", **used)["licenses"]
    assert licence["name"] == "emulator@shell"
    wishes: list[dict[str, Any]] = [
        {"uses_lt": 1}, {"failed_attempts_grt": 1}, {"scope": ["other"]}, {"limit": 5},
        {"active": False}, {"name": "shell"}, {"last_used_before": licence["created"]},
        {"nb_activations": 0}, {"since": "2100-01-01"}, {"until": "2000-01-01"},
    ]  # fmt: skip
    for wish in wishes:
        assert me.post("/lics/licenses", **(used | wish))["licenses"] == []


def test_help_knows_every_endpoint_of_the_published_page(me: Person) -> None:
    """The vendor's own client counts which of these its tests reached."""
    routes = {it["endpoint"]: it["methods"] for it in me.get("/help")["routes"]}
    published = {
        "/auth/login": "GET POST", "/data": "GET POST", "/data/copy": "POST", "/data/dir": "POST",
        "/data/download": "POST", "/data/exists": "POST", "/data/move": "POST",
        "/data/remove": "POST", "/data/upload/multipart": "POST",
        "/data/upload/multipart/abort": "POST", "/data/upload/multipart/complete": "POST",
        "/data/upload/singlepart": "POST", "/data/upload/singlepart/complete": "POST",
        "/auth": "GET", "/auth/logout": "GET", "/auth/reset_password": "POST",
        "/auth/token": "GET", "/auth/tokens": "DELETE", "/app": "GET",
        "/app/process/outputs/<uuid:process_id>": "GET POST",
        "/app/process/<uuid:process_id>": "DELETE GET", "/app/processes": "DELETE GET POST",
        "/lics/license/<string:token>": "GET", "/lics/licenses": "GET POST",
        "/app/<string:domain>/<string:app>/run": "POST",
        "/app/process/cost/<uuid:process_id>": "GET",
    }  # fmt: skip
    assert {it: " ".join(routes[it]) for it in published} == published
    answer = me.api.get("/no/such")
    assert (answer.status_code, answer.json()) == (404, "Unknown endpoint GET /v1/no/such")
