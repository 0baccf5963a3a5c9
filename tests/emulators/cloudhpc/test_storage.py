"""The storage of the emulated cloudHPC: uploads, the listings that it remembers, downloads."""

import base64
import hashlib
from typing import Any

import pytest

from tests.emulators.cloudhpc.asking import STREAM, TECHNICAL, Client

DATA = bytes(range(256)) * 4096


def names(me: Client, path: str) -> list[str]:
    """Return the names on a page of items."""
    return [it["basename"] for it in me.get(f"/storage/index/{path}")]


def test_an_upload_needs_the_type_that_was_asked_for(me: Client) -> None:
    """A client that forgets the header would go unnoticed until a real account."""
    url = me.upload_url("typed", "a.bin")
    for headers in ({}, {"Content-Type": "text/plain"}):
        answer = me.bare.put(url, content=DATA, headers=headers)
        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)
    assert me.refused("POST", "/storage/view-by-path", path="typed/a.bin") == (403, TECHNICAL)
    answer = me.bare.put(url, content=DATA, headers={"Content-Type": STREAM})
    assert answer.status_code == 200
    assert me.read(me.post("/storage/view-by-path", path="typed/a.bin")) == DATA


@pytest.mark.parametrize(
    "wish",
    [{"filename": ""}, {"contentType": ""}, {"dirname": "a/../b"}, {"filename": ".."},
     {"filename": "a/b"}, {"dirname": 5}, {"dirname": "a//b"}],
)  # fmt: skip
def test_a_wrong_upload_is_refused(me: Client, wish: dict[str, Any]) -> None:
    """A file would land where nobody looks for it."""
    body = {"dirname": "d", "filename": "f", "contentType": STREAM} | wish
    assert me.refused("POST", "/storage/upload-url", **body) == (403, TECHNICAL)


def test_folders_are_found_level_by_level(me: Client) -> None:
    """A client would be written against paths that listings do not take."""
    for folder, name in (("top/sub", "b"), ("top/sub", "a"), ("top", "c"), ("", "loose")):
        me.upload(folder, name, name.encode())
    me.fresh()
    top = next(it for it in me.get("/storage/index/name/asc/1") if it["name"] == "top")
    assert top == {
        "id": top["id"], "name": "top", "basename": "top", "dirname": "", "type": "dir",
        "size": "", "timeCreated": "",
    }  # fmt: skip
    inside = me.get(f"/storage/index/name/asc/parent_id/{top['id']}/1")
    assert [(it["name"], it["type"]) for it in inside] == [("top/c", "file"), ("top/sub", "dir")]
    assert {type(it["id"]) for it in inside} == {int}
    below = f"name/desc/parent_id/{inside[1]['id']}"
    assert names(me, f"{below}/1") == ["b", "a"]
    assert names(me, f"{below}/2") == []
    [file] = [it for it in inside if it["type"] == "file"]
    assert (file["dirname"], file["size"]) == ("top", "1")
    assert me.refused("GET", f"/storage/index/name/asc/parent_id/{file['id']}/1")[0] == 403


def test_pages_and_orders(me: Client) -> None:
    """Outputs behind the first page would be lost; the vendor's client looks at the largest."""
    for size in (5, 30, 1):
        me.upload("many", f"f{size}", b"x" * size)
    id_ = me.post("/storage/view-by-path", path="many")["id"]
    assert names(me, f"size/desc/parent_id/{id_}/1") == ["f30", "f5", "f1"]
    me.set(**{"storage-page": 2})
    me.fresh()
    assert [len(names(me, f"name/asc/parent_id/{id_}/{page}")) for page in (1, 2, 3)] == [2, 1, 0]
    for wrong in (f"nothing/asc/parent_id/{id_}/1", "name/up/1", "name/asc/0", "name/asc/x"):
        assert me.refused("GET", f"/storage/index/{wrong}") == (403, TECHNICAL)


def test_what_was_listed_is_told_again_until_the_cache_is_deleted(me: Client) -> None:
    """A client that never deletes the cache would see its outputs here, and nowhere else."""
    me.upload("cached", "a", b"1")
    item = me.post("/storage/view-by-path", path="cached/a")
    folder = me.post("/storage/view-by-path", path="cached")["id"]
    listing = f"name/asc/parent_id/{folder}/1"
    assert names(me, listing) == ["a"]
    me.upload("cached", "b", b"1")
    me.upload("cached", "a", b"longer")
    assert names(me, listing) == ["a"]
    assert names(me, f"name/desc/parent_id/{folder}/1") == ["b", "a"]  # never listed before
    assert me.post("/storage/view-by-path", path="/cached/a/") == item
    assert me.post("/storage/view-by-path", path="cached/b")["size"] == "1"
    me.fresh()
    assert names(me, listing) == ["a", "b"]
    assert me.post("/storage/view-by-path", path="cached/a") == item | {
        "size": "6",
        "timeCreated": me.post("/storage/view-by-path", path="cached/a")["timeCreated"],
    }


def test_a_form_is_as_good_as_json(me: Client) -> None:
    """A program of the vendor's own, which posts a form, would not work here."""
    me.upload("posted", "a file", b"1")
    json = me.post("/storage/view-by-path", path="posted/a file")
    form = me.api.post("/storage/view-by-path", data={"path": "posted/a file"})
    assert form.json() == {"response": json}


def test_numbers_of_the_other_type(me: Client) -> None:
    """Only one way to write a number would be tested, of those that were seen."""
    me.upload("types", "a", b"1")
    me.faults("numbers-as-texts", "texts-as-numbers")
    item = me.post("/storage/view-by-path", path="types/a")
    assert (type(item["id"]), item["size"]) == (str, 1)
    assert me.post("/storage/view-by-path", path="types")["size"] == ""


def test_a_link_is_empty_at_first(me: Client) -> None:
    """A client that takes the empty link for an address would go unnoticed."""
    me.upload("linked", "a", DATA)
    me.upload("linked", "b", DATA)
    me.set(**{"empty-links": 2})
    for name in ("a", "b"):
        id_ = me.post("/storage/view-by-path", path=f"linked/{name}")["id"]
        links = [me.get(f"/storage/view-url/{id_}")["mediaLink"] for _ in range(3)]
        assert links[:2] == ["", ""]
        assert me.bare.get(links[2]).content == DATA


def test_downloads_and_the_shapes_of_their_answer(me: Client) -> None:
    """Only one reading of what the vendor calls "a URL" would be tested."""
    me.upload("got", "a", DATA)
    id_ = me.post("/storage/view-by-path", path="got/a")["id"]
    answers = [me.get(f"/storage/download/{id_}")]
    me.faults("download-shape")
    answers.append(me.get(f"/storage/download/{id_}")["url"])
    me.faults("download-shape=mediaLink")
    answers.append(me.get(f"/storage/download/{id_}")["mediaLink"])
    assert {me.bare.get(url).content for url in answers} == {DATA}
    folder = me.post("/storage/view-by-path", path="got")["id"]
    for verb in ("download", "view-url"):
        assert me.refused("GET", f"/storage/{verb}/{folder}") == (403, TECHNICAL)
        assert me.refused("GET", f"/storage/{verb}/99999") == (403, TECHNICAL)


def test_a_signed_address_answers_as_google_does(me: Client) -> None:
    """A resumed or checked download would be tested against another store than the real one."""
    me.upload("signed", "a b", DATA)
    item = me.post("/storage/view-by-path", path="signed/a b")
    url = me.get(f"/storage/download/{item['id']}")
    whole = me.bare.get(url)
    md5 = hashlib.md5(DATA, usedforsecurity=False).digest()
    assert whole.headers["x-goog-hash"] == f"md5={base64.b64encode(md5).decode()}"
    etag = whole.headers["etag"]
    part = me.bare.get(url, headers={"Range": "bytes=1000000-", "If-Range": etag})
    assert (part.status_code, part.content) == (206, DATA[1_000_000:])
    other = me.bare.get(url, headers={"Range": "bytes=1000000-", "If-Range": '"other"'})
    assert (other.status_code, len(other.content)) == (200, len(DATA))
    me.ahead(1000)
    late = me.bare.get(url)
    assert (late.status_code, "<Code>ExpiredToken</Code>" in late.text) == (400, True)


def test_files_and_folders_are_deleted_and_their_numbers_not_given_again(me: Client) -> None:
    """A clean-up that removes nothing, or another's files, would go unnoticed."""
    for name in ("a", "b"):
        me.upload("gone", name, b"1")
    me.upload("gone-not", "a", b"1")
    items = me.folder("gone")
    assert me.delete(f"/storage/delete/{items['b']['id']}") is True
    assert set(me.folder("gone")) == {"a"}
    assert me.refused("DELETE", f"/storage/delete/{items['b']['id']}") == (403, TECHNICAL)
    me.upload("gone", "b", b"2")
    assert me.folder("gone")["b"]["id"] > max(it["id"] for it in items.values())
    assert me.delete(f"/storage/delete/{me.post('/storage/view-by-path', path='gone')['id']}")
    me.fresh()
    for path in ("gone", "gone/a", "gone/b"):
        assert me.refused("POST", "/storage/view-by-path", path=path) == (403, TECHNICAL)
    assert set(me.folder("gone-not")) == {"a"}


def test_files_are_deleted_after_sixty_days(me: Client) -> None:
    """A run that is harvested too late would be tested by nothing."""
    me.upload("old", "a", b"1")
    item = me.post("/storage/view-by-path", path="old/a")
    me.ahead(59 * 86400)
    assert me.read(item) == b"1"
    me.upload("old", "b", b"1")
    me.ahead(2 * 86400)
    assert set(me.folder("old")) == {"b"}
    assert me.refused("GET", f"/storage/download/{item['id']}") == (403, TECHNICAL)


def test_results_that_come_late_or_under_hostile_names(me: Client) -> None:
    """A first listing without outputs would be a result without files."""
    me.ended(me.script("late", "echo 1 > a"))
    me.faults("late-results=60")
    assert set(me.folder("late")) == {"upload.tar.gz"}
    me.faults("hostile-names")
    me.fresh()
    found = me.get("/storage/index/name/asc/1")
    assert "/etc/absolute" not in [it["name"] for it in found]
    folder = next(it["id"] for it in found if it["name"] == "late")
    items = me.get(f"/storage/index/name/asc/parent_id/{folder}/1")
    told = {it["name"] for it in items}
    assert {"late/a", "late/../escaped", "/etc/absolute", "late/nul\0byte"} < told
    assert len({it["id"] for it in items}) == len(items)
    assert {me.read(it) for it in items if it["name"] != "late/upload.tar.gz"} == {b"1\n"}
