"""Forms with files: what goes out, byte for byte, and what does not."""

import hashlib
from email import message_from_bytes, policy
from pathlib import Path

from orchestrator.backends.http import Ask, Field, FilePart, Use
from tests.http.conftest import OpenDoor
from tests.http.rogue import answer, rogue, sends


def part(path: Path, data: bytes, name: str = "file") -> FilePart:
    """Write a file, and return the part that it is."""
    path.write_bytes(data)
    return FilePart(name, path.name, path, len(data), hashlib.sha256(data).hexdigest())


async def test_a_form_arrives_as_it_was_given(door: OpenDoor, tmp_path: Path) -> None:
    """A run would start with other inputs, or the service could not read them."""
    data = bytes(range(256)) * 20_000
    parts: list[Field | FilePart] = [
        Field("a", "1"),
        part(tmp_path / "x", data),
        Field("task", "shell"),
    ]
    with rogue(sends(answer(b'{"id": "1"}', "201 Created"))) as server:
        async with door(server.url) as it:
            ask = Ask("POST", "/job/", Use.SUBMIT, reads=False, multipart=parts)
            reply = await it.call(ask)
    assert (reply.status, reply.json()) == (201, {"id": "1"})
    head, _, body = server.seen[0].partition(b"\r\n\r\n")
    message = message_from_bytes(head.split(b"\r\n", 1)[1] + b"\r\n\r\n" + body, policy=policy.HTTP)
    assert [one.get_payload(decode=True) for one in message.iter_parts()] == [b"1", data, b"shell"]
