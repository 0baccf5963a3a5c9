"""The general faults at the calls that matter most: started once, or not at all."""

import httpx
import pytest

from tests.emulators.cloudhpc.asking import Client, packed

ADD = "on=POST */simulation/add"
WISH = {"cpu": 1, "ram": "standard", "script": "custom-script-u24", "folder": "struck"}


@pytest.mark.parametrize(
    ("fault", "status", "began"),
    [
        ("error-before", 503, 0), ("error-after", 502, 1), ("too-many=7", 429, 0),
        ("forbidden", 403, 0), ("redirect", 307, 0), ("html", 200, 1), ("empty-json", 200, 1),
        ("drop-before", None, 0), ("drop-after", None, 1), ("cut=10", None, 1),
        ("short-body=2", None, 1),
    ],
)  # fmt: skip
def test_a_start_that_is_struck(me: Client, fault: str, status: int | None, began: int) -> None:
    """That a run began just once would be proved against a service that never begins one."""
    me.upload("struck", "upload.tar.gz", packed({"run.sh": b"true"}))
    before = len(me.control()["starts"])
    me.faults(f"{fault},times=1,{ADD}")
    try:
        answer = me.api.post("/simulation/add", json=WISH).status_code
    except httpx.TransportError:
        answer = None
    assert (answer, len(me.control()["starts"]) - before) == (status, began)
    me.ended(me.add("struck"))
    assert len(me.control()["starts"]) - before == began + 1


def test_addresses_that_expire_or_lead_elsewhere(me: Client) -> None:
    """Guards against both would be tested by nothing."""
    me.upload("struck", "a", b"1")
    id_ = me.post("/storage/view-by-path", path="struck/a")["id"]
    me.faults("expired-urls,on=GET /s3/*")
    answer = me.bare.get(me.get(f"/storage/download/{id_}"))
    assert (answer.status_code, "ExpiredToken" in answer.text) == (400, True)
    me.upload("struck", "b", b"1")
    me.faults("foreign-host=http://127.0.0.3:1,on=PUT /s3/*")
    assert me.upload_url("struck", "c").startswith("http://127.0.0.3:1/s3/")
    assert me.bare.get(me.get(f"/storage/download/{id_}")).content == b"1"


def test_transfers_that_are_not_what_was_stored(me: Client) -> None:
    """A length, or a checksum, that is never compared would go unnoticed."""
    me.upload("struck", "d", b"0123456789")
    url = me.get(f"/storage/download/{me.post('/storage/view-by-path', path='struck/d')['id']}")
    me.faults("wrong-bytes,times=1,on=GET /s3/*", "short-length=3,times=1,skip=1,on=GET /s3/*")
    wrong, short = me.bare.get(url), me.bare.get(url)
    assert wrong.content == b"1123456789"
    assert short.content == b"0123456"
    assert wrong.headers["x-goog-hash"] == short.headers["x-goog-hash"]
    assert me.bare.get(url).content == b"0123456789"


def test_the_log_has_no_secrets(me: Client) -> None:
    """Keys and signed addresses would lie in a file."""
    me.upload("logged", "secret-name", b"1")
    log = me.told.root.joinpath("calls.log").read_text()
    assert "POST /api/v2/storage/upload-url" in log
    for secret in (me.key, "Signature", "secret-name"):
        assert secret not in log
