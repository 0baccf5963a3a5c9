"""Files and folders at the emulated TheCrossProduct."""

from typing import Any

import pytest

from tests.emulators.talking import Person, until

GROUP = "unit_tests"


@pytest.fixture(autouse=True)
def _empty(me: Person) -> None:
    """Begin with empty spaces."""
    everything = me.listed(group=GROUP)
    me.post("/data/remove", uri=[*everything[0], *everything[1]])
    until(lambda: me.listed(group=GROUP) == ([], []))


def shows(person: Person, files: list[str], folders: list[str], **query: Any) -> None:
    """Wait until exactly these are listed."""
    until(lambda: person.listed(group=GROUP, **query) == (files, folders))


def test_lists_and_their_filters(me: Person) -> None:
    """A backend that looks for its files by prefix would look in the wrong way."""
    for uri in ("a/x.txt", "a/b/y.dat", "z.txt", f"{GROUP}@m.txt"):
        me.upload(uri, b"12")
    files, folders = me.listed()
    assert (files, folders) == (["a/b/y.dat", "a/x.txt", "z.txt"], ["a/", "a/b/"])
    assert me.listed(group=GROUP)[0] == ["a/b/y.dat", "a/x.txt", f"{GROUP}@m.txt", "z.txt"]
    assert me.listed(groups=[GROUP], personal=False) == ([f"{GROUP}@m.txt"], [])
    assert me.listed(hierarchy=True) == (["z.txt"], ["a/"])
    assert me.listed(hierarchy=True, prefix="a/") == (["a/x.txt"], ["a/", "a/b/"])
    assert me.listed(prefix=["a/x", "z"]) == (["a/x.txt", "z.txt"], [])
    assert me.listed(suffix=".dat") == (["a/b/y.dat"], [])
    assert me.listed(since="2100-01-01T00:00:00Z") == ([], [])
    assert me.refused("/data", group="strangers") == 403
    assert me.refused("/data", prefixes="a/") == 400
    (told,) = me.post("/data", expands_info=True, prefix="z")["files"]
    assert set(told) == {
        "user_id", "path", "created", "last_modified", "size", "md5sum", "download_count",
    }  # fmt: skip
    assert (told["path"], told["size"], told["download_count"]) == ("z.txt", 2, 0)
    (told,) = me.post("/data", expands_info=True, prefix="z", ignores=["size"])["files"]
    assert "size" not in told


def test_pages_lead_on_and_back_by_whole_urls(me: Person, colleague: Person) -> None:
    """A listing that ends at its first page would be taken for the whole."""
    for name in "abcde":
        me.upload(name, b"")
    first = me.post("/data", items_per_page=2)
    assert first["files"] == ["a", "b"]
    assert first["paging"].keys() == {"count", "items_per_page", "next"}
    assert (first["paging"]["count"], first["paging"]["items_per_page"]) == (2, 2)
    assert first["paging"]["next"].startswith(f"{me.told.url}/data/next/")
    second = me.get(first["paging"]["next"])
    third = me.get(second["paging"]["next"])
    assert (second["files"], third["files"]) == (["c", "d"], ["e"])
    assert third["paging"].keys() == {"count", "items_per_page", "previous"}
    assert me.get(third["paging"]["previous"])["files"] == ["c", "d"]
    assert me.get("/data")["paging"] == {"count": 5, "items_per_page": 5}
    assert colleague.api.get(first["paging"]["next"]).status_code == 400


def test_exists_is_yes_only_if_all_are_there(me: Person, colleague: Person) -> None:
    """An upload that never arrived would be taken for proved; or another's file for one's own."""
    me.upload("d/here", b"")
    me.upload(f"{GROUP}@shared", b"")
    me.post("/data/exists", uri=["d/here", "d/", f"{GROUP}@shared"])
    assert me.refused("/data/exists", uri=["d/here", "gone"]) == 404
    assert colleague.refused("/data/exists", uri="d/here") == 404
    colleague.post("/data/exists", uri=f"{GROUP}@shared")
    me.post("/data/dir", uri="deep/er/est")
    me.post("/data/exists", uri=["deep/", "deep/er/", "deep/er/est/"])


def test_copy_move_and_remove_show_later(me: Person) -> None:
    """A client that does not look until it shows would be right here and wrong there."""
    me.upload("one", b"1")
    me.faults("effect-lag=1000")
    me.post("/data/copy", src="one", dest="d/two")
    assert me.listed() == (["one"], [])
    me.faults()
    me.ahead(1001)
    shows(me, ["d/two", "one"], ["d/"])
    me.post("/data/move", src="d/two", dest=f"{GROUP}@two")
    shows(me, ["one", f"{GROUP}@two"], ["d/"])
    me.post("/data/move", src="one", dest="d/", keep_original=True)
    shows(me, ["d/one", "one", f"{GROUP}@two"], ["d/"])
    assert me.download("d/one") == b"1"
    me.post("/data/remove", uri="d/")
    shows(me, ["one", f"{GROUP}@two"], [])
    for src, dest in (("", "x"), ("one", ""), ("one", "/"), ("gone", "x"), ("one", "../x")):
        assert me.refused("/data/copy", src=src, dest=dest) in (400, 404)


@pytest.mark.parametrize(
    ("wish", "files", "folders"),
    [
        ({}, ["a/1", "b/1", "b/2"], ["a/", "b/"]),
        ({"overwrite": True}, ["b/1", "b/2"], ["b/"]),
        ({"merge": False}, ["b/1"], ["b/"]),
    ],
)
def test_folders_are_merged_or_replaced(
    me: Person, wish: dict[str, bool], files: list[str], folders: list[str]
) -> None:
    """What a move of a folder leaves would be another folder than at the service."""
    for uri, data in (("a/1", b"new"), ("b/1", b"old"), ("b/2", b"old")):
        me.upload(uri, data)
    me.post("/data/move", src=["a/"], dest=["b/"], **wish)
    me.post("/data/dir", uri="done")
    me.post("/data/copy", src="b/1", dest="done/1")  # in their order: now the move is done
    until(lambda: "done/1" in me.listed()[0])
    assert me.listed(prefix=["a/", "b/"]) == (files, folders)
    assert me.download("b/1") == (b"new" if wish else b"old")
