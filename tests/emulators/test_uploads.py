"""Bringing files to the emulated TheCrossProduct, in one part and in many."""

import hashlib
from typing import Any

import pytest

from tests.emulators.talking import Person

DATA = bytes(range(256)) * 10


def put(me: Person, begun: dict[str, Any], data: bytes = DATA) -> list[dict[str, Any]]:
    """Send all parts; return what complete is to be told."""
    size, told = begun["part_size"], []
    for i, url in enumerate(begun["parts"]):
        answer = me.bare.put(url, content=data[i * size : (i + 1) * size])
        assert answer.status_code == 200
        assert answer.headers["ETag"].startswith('"')
        told.append({"ETag": answer.headers["ETag"].strip('"'), "PartNumber": i + 1})
    return told


@pytest.mark.parametrize("size", [len(DATA), str(len(DATA)), "2.5Kb"])
def test_many_parts_become_one_file(me: Person, size: int | str) -> None:
    """The vendor's own client sends the size as a string; the file would arrive in pieces."""
    begun = me.post("/data/upload/multipart", uri="m", size=size, part_size=1000)
    assert begun.keys() == {"upload_id", "parts", "part_size"}
    assert (begun["part_size"], len(begun["parts"])) == (1000, 3)
    parts = put(me, begun)
    md5sum = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    told = {"upload_id": begun["upload_id"], "uri": "m", "parts": parts, "md5sum": md5sum}
    me.post("/data/upload/multipart/complete", **told)
    answer = me.post("/data/download", uri="m")
    assert answer.keys() == {"m", "md5sum"}
    assert answer["md5sum"] == md5sum
    reply = me.bare.get(answer["m"])
    assert reply.content == DATA
    assert reply.headers["etag"].endswith('-3"')  # not an MD5 of the bytes
    assert me.refused("/data/upload/multipart/complete", **told) == 404


def test_complete_is_refused_unless_all_parts_came_and_are_told(me: Person) -> None:
    """A file with a hole would be taken for whole."""
    begun = me.post("/data/upload/multipart", uri="h", size=len(DATA), part_size=1000)
    told = {"upload_id": begun["upload_id"], "uri": "h"}
    parts = put(me, begun | {"parts": begun["parts"][:2]})
    assert me.refused("/data/upload/multipart/complete", parts=parts, **told) == 400
    parts = put(me, begun)
    wrong = [*parts[:2], parts[2] | {"ETag": "0" * 32}]
    bads: list[list[dict[str, Any]]] = [wrong, parts[:2], parts[::-1], [{}]]
    for bad in bads:
        assert me.refused("/data/upload/multipart/complete", parts=bad, **told) == 400
    assert me.refused("/data/exists", uri="h") == 404
    other = told | {"uri": "other"}
    assert me.refused("/data/upload/multipart/complete", parts=parts, **other) == 404
    me.post("/data/upload/multipart/complete", parts=parts, **told)
    assert me.download("h") == DATA


def test_what_was_aborted_is_gone(me: Person) -> None:
    """Abandoned uploads would come to life, or their URLs would go on to work."""
    begun = me.post("/data/upload/multipart", uri="gone", size="10Gb", part_size="1Gb")
    assert (begun["part_size"], len(begun["parts"])) == (1024**3, 10)
    me.post("/data/upload/multipart/abort", upload_id=begun["upload_id"], uri="gone")
    assert me.refused("/data/exists", uri="gone") == 404
    late = me.bare.put(begun["parts"][0], content=b"x")
    assert (late.status_code, "NoSuchUpload" in late.text) == (404, True)
    told = {"upload_id": begun["upload_id"], "uri": "gone"}
    assert me.refused("/data/upload/multipart/abort", **told) == 404


def test_several_files_in_one_call(me: Person) -> None:
    """The array form would be answered in the form for one."""
    begun = me.post("/data/upload/multipart", uri=["s/1", "s/2"], size=[3, "4"], part_size=[2, 2])
    assert list(begun) == ["uploads"]
    parts = [put(me, it, b"abcd"[: 3 + i]) for i, it in enumerate(begun["uploads"])]
    ids = [it["upload_id"] for it in begun["uploads"]]
    me.post("/data/upload/multipart/complete", uri=["s/1", "s/2"], upload_id=ids, parts=parts)
    assert (me.download("s/1"), me.download("s/2")) == (b"abc", b"abcd")


def test_an_empty_file_and_one_of_one_part(me: Person) -> None:
    """The smallest files would not get over at all."""
    begun = me.post("/data/upload/multipart", uri="empty", size=0)
    parts = put(me, begun, b"")
    me.post(
        "/data/upload/multipart/complete", uri="empty", parts=parts, upload_id=begun["upload_id"]
    )
    assert me.download("empty") == b""
    assert me.refused("/data/upload/singlepart/complete", uri="single") == 404
    url = me.post("/data/upload/singlepart", uri="single")["url"]
    me.bare.put(url, content=b"x")
    assert me.refused("/data/exists", uri="single") == 404
    me.post("/data/upload/singlepart/complete", uri="single", md5sum="told")
    assert me.post("/data/download", uri="single")["md5sum"] == "told"
    me.upload("single", b"over it")
    assert me.download("single") == b"over it"


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": -1},
        {"size": "many"},
        {"size": True},
        {"part_size": 0},
        {"uri": "f/"},
        {"part_size": 1},
    ],
)
def test_a_wrong_size_is_refused(me: Person, wrong: dict[str, Any]) -> None:
    """A nonsense upload would begin."""
    body = {"uri": "w", "size": 20_000, "part_size": 1000} | wrong
    assert me.refused("/data/upload/multipart", **body) == 400
