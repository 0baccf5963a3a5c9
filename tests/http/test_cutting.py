"""A submit whose connection is cut after every byte of it, both ways."""

from pathlib import Path

import pytest

from orchestrator.backend import BackendError
from orchestrator.backends.http import Ask, Door, Use
from orchestrator.testing.cutting import Cut, cutting_proxy
from tests.http.conftest import OpenDoor
from tests.http.rogue import answer, rogue, sends

ASK = Ask("POST", "/run", Use.SUBMIT, reads=False, json={"tags": ["t"]}, limit=5)
UP_STEP = 9  # every byte of a request would take long; of a reply, every byte is tried


@pytest.mark.usefixtures("certificates")
async def test_a_submit_that_was_cut_is_never_called_undone(door: OpenDoor, tmp_path: Path) -> None:
    """A job whose submit was cut would run twice."""
    with (
        rogue(sends(answer(b'{"id": "1"}'))) as server,
        cutting_proxy("127.0.0.1", server.port) as proxy,
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        async with door(url) as it:
            await it.call(ASK)
        up, down = range(0, proxy.passed.up, UP_STEP), range(proxy.passed.down)
        assert len(up) > 20
        assert len(down) > 40
        executed = 0
        for cut in [*(Cut("up", n) for n in up), *(Cut("down", n) for n in down)]:
            proxy.cut, before = cut, len(server.seen)
            (tmp_path / "account/governor.json").unlink()  # or it would hold the calls back
            async with door(url) as it:
                assert await _effect(it) == "possible", cut
            executed += len(server.seen) - before
    assert proxy.cuts == len(up) + len(down)
    assert executed == len(down), "cut on the way back, the service had done each"


async def test_only_what_is_meant_is_cut(door: OpenDoor) -> None:
    """A sweep would cut the login instead of the submit."""
    with (
        rogue(sends(answer())) as server,
        cutting_proxy("127.0.0.1", server.port) as proxy,
    ):
        proxy.cut = Cut("down", 3, match=b"POST /run")
        async with door(f"http://127.0.0.1:{proxy.port}") as it:
            await it.call(Ask("POST", "/login", Use.ASK, reads=False))
            assert await _effect(it) == "possible"
    assert (proxy.cuts, len(server.seen)) == (1, 2)


async def _effect(door: Door) -> str:
    try:
        await door.call(ASK)
    except BackendError as error:
        return error.effect
    return "answered"
