"""The object store: what a presigned URL permits, and which bytes come."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.emulators.talking import Person

DATA = bytes(range(256)) * 4096  # more than one chunk


@pytest.fixture
def url(me: Person) -> str:
    """Return a URL for reading 1 MiB."""
    me.upload("d/big file", DATA)
    return str(me.post("/data/download", uri="d/big file")["d/big file"])


def test_a_whole_file_says_what_it_is(me: Person, url: str) -> None:
    """Length and ETag are what a resumed download stands on."""
    answer = me.bare.get(url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].strip('"').isalnum()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=5-9", 5, 10), ("bytes=1048570-", 1048570, None), ("bytes=-3", -3, None),
     ("bytes=1048570-99999999", 1048570, None), ("bytes=0-0", 0, 1)],
)  # fmt: skip
def test_a_range_is_a_part_of_the_file(
    me: Person, url: str, asked: str, start: int, end: int | None
) -> None:
    """A resumed download would join wrong bytes."""
    answer = me.bare.get(url, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    first = start % len(DATA)
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(DATA)}"


def test_a_range_of_another_version_is_the_whole_file(me: Person, url: str) -> None:
    """The second half of a new file would be put behind the first half of the old one."""
    etag = me.bare.get(url).headers["etag"]
    same = me.bare.get(url, headers={"Range": "bytes=4-", "If-Range": etag})
    assert (same.status_code, len(same.content)) == (206, len(DATA) - 4)
    other = me.bare.get(url, headers={"Range": "bytes=4-", "If-Range": '"other"'})
    assert (other.status_code, len(other.content)) == (200, len(DATA))


@pytest.mark.parametrize("asked", ["bytes=1048576-", "bytes=9-5", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(me: Person, url: str, asked: str) -> None:
    """A download that was complete already would never be found so."""
    answer = me.bare.get(url, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


def test_only_what_was_signed_is_permitted(me: Person, url: str) -> None:
    """Anybody could read or write anything; a test of expired URLs would test nothing."""
    path, _, query = url.partition("?")
    turned = url[:-1] + ("0" if url[-1] != "0" else "1")
    longer = url.replace("X-Amz-Expires=900", "X-Amz-Expires=9000")
    for bad in (turned, longer, url.replace("big", "bog")):
        answer = me.bare.get(bad)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/xml"
        assert "<Code>SignatureDoesNotMatch</Code>" in answer.text
    assert me.bare.put(url, content=b"x").status_code == 403
    assert "<Code>AccessDenied</Code>" in me.bare.get(path).text
    assert query
    me.faults("expired-urls,times=1")
    old = me.post("/data/download", uri="d/big file")["d/big file"]
    answer = me.bare.get(old)
    assert (answer.status_code, "Request has expired" in answer.text) == (403, True)


def test_a_body_without_a_length_is_411(me: Person) -> None:
    """A client that streams without a length would work here and nowhere else."""
    url = me.post("/data/upload/singlepart", uri="chunked")["url"]
    answer = me.bare.put(url, content=iter([b"a", b"b"]))
    assert (answer.status_code, "MissingContentLength" in answer.text) == (411, True)


def test_a_body_that_breaks_off_leaves_nothing(me: Person) -> None:
    """Half a part would count as a part."""
    url = urlsplit(me.post("/data/upload/singlepart", uri="half")["url"])
    assert url.hostname is not None
    with socket.create_connection((url.hostname, url.port or 80)) as wire:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
        wire.sendall(head.encode())
        wire.shutdown(socket.SHUT_WR)
        wire.recv(1000)
    assert me.refused("/data/upload/singlepart/complete", uri="half") == 404


def test_an_object_that_is_gone_is_404(me: Person) -> None:
    """A removed file would go on to be served, or end as a server error."""
    url = me.post("/data/upload/singlepart", uri="never")["url"]
    assert httpx.URL(url).path.endswith("/never")
    me.upload("soon", b"1")
    url = me.post("/data/download", uri="soon")["soon"]
    me.post("/data/remove", uri="soon")
    while (answer := me.bare.get(url)).status_code == 200:
        pass
    assert (answer.status_code, "NoSuchKey" in answer.text) == (404, True)
