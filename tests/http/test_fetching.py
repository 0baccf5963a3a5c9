"""Files that the service itself serves: read in a worker thread, with the account's credentials."""

from anyio.to_thread import run_sync

from orchestrator.backends.http import Ask, Door, Use
from tests.http.conftest import CANARY, OpenDoor
from tests.http.rogue import answer, rogue, sends

DATA = bytes(range(256)) * 12_000  # three chunks and a bit
ASK = Ask("GET", "/job/1/file/x", Use.TRANSFER, reads=True)


def fetched(door: Door, ask: Ask = ASK) -> bytes:
    """Read a file to its end."""
    with door.fetching(ask) as stream:
        assert stream.start == 0
        return b"".join(stream)


async def test_a_file_comes_whole_and_with_our_credentials(door: OpenDoor) -> None:
    """No result of a service without storage addresses could be fetched."""
    with rogue(sends(answer(DATA))) as server:
        async with door(server.url) as it:
            assert await run_sync(fetched, it) == DATA
    [request] = server.seen
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /job/1/file/x HTTP/1.1"
    assert f"Authorization: Bearer {CANARY}" in lines
    assert "Accept-Encoding: identity" in lines
