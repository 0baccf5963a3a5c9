"""Logging in and out of the emulated TheCrossProduct."""

import re
from datetime import datetime

import httpx

from tests.emulators.talking import TLS, Person

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


def test_both_ways_of_logging_in_give_a_token(me: Person) -> None:
    """A client that uses either way would be locked out of the stand-in only."""
    with httpx.Client(base_url=me.told.url, trust_env=False, verify=TLS) as anyone:
        body = {"mail": me.mail, "passwd": me.password}
        answers = [
            anyone.get("/auth/login", auth=(me.mail, me.password)),
            anyone.post("/auth/login", json=body),
        ]
        for answer in answers:
            assert answer.headers["content-type"] == "application/json"
            assert list(answer.json()) == ["token"]
            assert JWT.fullmatch(answer.json()["token"])
        assert anyone.get("/auth/login", auth=(me.mail, "wrong")).status_code == 401
        assert anyone.get("/auth/login", auth=("nobody@example.org", "x")).status_code == 401
        assert anyone.post("/auth/login", json=body | {"passwd": ""}).status_code == 401
        refused = anyone.get("/auth")
        assert (refused.status_code, refused.text) == (401, '"Missing API token"')
        assert refused.headers["content-type"] == "text/plain; charset=utf-8"


def test_account_and_token_are_told(me: Person) -> None:
    """Code written against the stand-in would look for fields that the service does not have."""
    account = me.get("/auth")
    assert set(account) == {
        "id", "mail", "created_on", "nbr_activations", "last_activation", "group",
    }  # fmt: skip
    assert UUID4.fullmatch(account["id"])
    assert account["mail"] == me.mail
    datetime.fromisoformat(account["created_on"])
    assert [set(it) for it in account["group"]] == [{"id", "name", "descr"}]
    token = me.get("/auth/token")
    assert set(token) == {"id", "user_id", "expires_at", "limit", "uses", "scope"}
    assert (token["user_id"], token["limit"], token["uses"]) == (account["id"], 0, 2)


def test_a_token_dies_at_logout_and_all_at_once(me: Person, colleague: Person) -> None:
    """A client that never logs in again would work here and stop at the real service."""
    with httpx.Client(base_url=me.told.url, trust_env=False, verify=TLS) as other:
        answer = other.get("/auth/login", auth=(me.mail, me.password))
        other.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        assert me.api.get("/auth/logout").is_success
        assert me.api.get("/auth").status_code == 401
        assert other.get("/auth").is_success
        assert other.delete("/auth/tokens").is_success
        assert other.get("/auth").status_code == 401
    assert colleague.api.get("/auth").is_success


def test_a_fifty_first_token_is_refused(me: Person) -> None:
    """A client that logs in for every call would pass every test."""
    for _ in range(49):
        me.login()
    assert me.api.get("/auth/login", auth=(me.mail, me.password)).status_code == 403
    assert me.api.get("/auth/logout").is_success
    me.login()
    assert me.api.get("/auth").is_success


def test_a_token_can_end_by_use_or_be_killed(me: Person) -> None:
    """The one new login after a 401 would never be tried."""
    me.faults("token-uses=2,times=1")
    me.login()
    assert [me.api.get("/auth").status_code for _ in range(3)] == [200, 200, 401]
    me.login()
    me.faults("token-killed,times=1,on=GET */app")
    assert [me.api.get(it).status_code for it in ("/data", "/app", "/data")] == [200, 401, 401]


def test_a_password_is_reset_by_a_link(me: Person, colleague: Person) -> None:
    """The endpoint would be there in name only."""
    answer = colleague.post("/auth/reset_password", mail=colleague.mail)
    assert list(answer) == ["mail", "url_reset", "url_alert"]
    page = me.bare.get(answer["url_reset"]).text
    form = re.search('action="(.*?)"', page)
    assert form is not None
    again = {"newpsw": colleague.password, "confirmpsw": "another"}
    assert me.bare.post(form[1], data=again).status_code == 400
    again["confirmpsw"] = colleague.password
    assert me.bare.post(form[1], data=again).is_success
    assert me.bare.post(form[1], data=again).status_code == 404
    colleague.login()
    assert colleague.refused("/auth/reset_password", mail="nobody@example.org") == 404


def test_a_token_ends_when_its_time_is_over(me: Person) -> None:
    """A daemon that lives longer than a token would be tested by nothing; a clock would not move.

    This kind has no settings, and says so.
    """
    assert me.api.get("/auth").status_code == 200
    me.ahead(86401)
    assert me.api.get("/auth").status_code == 401
    assert me.login()
    assert me.api.get("/auth").status_code == 200
    answer = me.bare.put(f"{me.told.control}/settings", json={"hourly": 1})
    assert (answer.status_code, "there is none for this kind" in answer.text) == (400, True)
