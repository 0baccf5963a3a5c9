"""The account: its dialect, its token, and what can be done without one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.backend import (
    Alive,
    AuthError,
    Finished,
    NoAnswer,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.drmaatic import KIND
from orchestrator.backends.http import Use
from orchestrator.testing.contract import Place, open_place
from tests.drmaatic.conftest import BODIES, RUNS, drmaatic, entry, listed, shell, today
from tests.emulated import Emulated
from tests.http.rogue import answer, rogue

assert KIND.examine is not None
examine = KIND.examine


@asynccontextmanager
async def opened(
    emulated: Emulated, folder: Path, secret: str = "", **changes: Any
) -> AsyncIterator[Place]:
    """Open an account there with other options, or another token."""
    options = emulated.options.model_copy(update=changes)
    secrets = {"drmaatic": secret} if secret else emulated.secrets
    async with open_place(KIND, options, folder / "other", BODIES, secrets=secrets) as place:
        yield place


async def test_the_dialect_is_asked_for_once(place: Place, emulated: Emulated, year: str) -> None:
    """Each call would cost another; or go to the wrong end, where "task" is something else."""
    before = emulated.calls()
    for _ in range(2):
        assert (await drmaatic(place).service.dialect(Use.ASK)).year == year
    assert emulated.calls() - before == (2 if year == "2025" else 1)


async def test_a_pinned_dialect_is_not_asked_for(
    emulated: Emulated, year: str, tmp_path: Path
) -> None:
    """A call would be lost at each start of the daemon."""
    async with opened(emulated, tmp_path, dialect=year) as place:
        assert isinstance(await place.poll(listed(place, emulated, "1")), Alive)
        assert emulated.calls() == 1


async def test_a_wrong_dialect_refuses_no_job(
    emulated: Emulated, year: str, tmp_path: Path
) -> None:
    """All queued jobs would fail at once for a slip in the configuration."""
    other = {"2025": "2023", "2023": "2025"}[year]
    async with opened(emulated, tmp_path, dialect=other) as place:
        run = place.run("1", shell("true"))
        for act in (place.ready, place.backend.submit):
            with pytest.raises(TransientError, match="check `url` and `dialect`") as caught:
                await act(run)
            assert caught.value.effect == "none"
        assert emulated.calls(f"POST /{RUNS[year]}/") == 0
        [line] = await examine(place.backend)
        assert (line.level, "`dialect`" in line.advice) == ("problem", True)


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"<html>Hello</html>", "200 OK", "Content-Type: text/html"),
        answer(b"<html>Not Found</html>", "404 Not Found", "Content-Type: text/html"),
        answer(b'{"count": 1, "next": null, "previous": null, "results": [{"uuid": "x"}]}'),
    ],
)
async def test_a_wrong_address_is_told(tmp_path: Path, reply: bytes) -> None:
    """A website that answers everything would be taken for the service."""
    with rogue(lambda it: it.send(reply)) as server:
        options = KIND.options.model_validate({"url": server.url})
        async with open_place(KIND, options, tmp_path / "place", BODIES) as place:
            with pytest.raises(TransientError, match=r"no catalogue.*check `url`") as caught:
                await drmaatic(place).service.dialect(Use.ASK)
            assert caught.value.effect == "none"


async def test_a_token_that_is_refused_is_told_and_left_alone(
    emulated: Emulated, tmp_path: Path
) -> None:
    """Nobody would know what to renew; or an account be locked for hundreds of wrong calls."""
    for who, says in (
        ("expired", "token expired"),
        ("inactive", "User is forbidden"),
        ("nobody", "oken does not exist"),
    ):
        file = tmp_path / "service/tokens" / who
        token = file.read_text() if file.exists() else "who.is.it"
        async with opened(emulated, tmp_path / who, token) as place:
            run = listed(place, emulated, "1")
            [line] = await examine(place.backend)
            assert (line.level, says in line.text) == ("problem", True)
            for _ in range(4):
                with pytest.raises(AuthError, match=says) as caught:
                    await place.poll(run)
                assert "check `token` of this backend" in str(caught.value)
                assert (caught.value.effect, token in str(caught.value)) == ("none", False)
            calls = emulated.calls()
            with pytest.raises(QuotaError, match="credentials were refused"):
                await place.poll(run)
            assert emulated.calls() == calls


@today
async def test_a_token_that_is_renewed_is_taken(place: Place, emulated: Emulated) -> None:
    """A daemon would have to be restarted for each new token."""
    good = place.secrets["drmaatic"]
    run = listed(place, emulated, "1")
    place.secrets["drmaatic"] = "old"
    with pytest.raises(AuthError):
        await place.poll(run)
    del place.secrets["drmaatic"]
    with pytest.raises(AuthError, match=r"`token` of \[backends.place\]: there is no secret"):
        await place.poll(run)
    place.secrets["drmaatic"] = good
    assert isinstance(await place.poll(run), Alive)


async def test_the_scheme_is_spelled_as_the_service_wants_it(tmp_path: Path) -> None:
    """Any other spelling is anonymous, in silence: runs would belong to nobody."""
    page = answer(b'{"count": 0, "next": null, "previous": null, "results": []}')
    with rogue(lambda it: it.send(page)) as server:
        table = {"url": server.url, "token": {"secret": "t"}, "dialect": "2025"}
        options = KIND.options.model_validate(table)
        secrets = {"t": "abc"}
        async with open_place(KIND, options, tmp_path / "p", BODIES, secrets=secrets) as place:
            await place.backend.find(place.run("1", {"task": "x"}))
        assert b"\r\nauthorization: bearer abc\r\n" in server.seen[0].lower()
        assert b": Bearer abc\r\n" in server.seen[0]


async def test_without_an_account_runs_can_be_had_all_the_same(
    emulated: Emulated, tmp_path: Path, year: str
) -> None:
    """Who has no account could not use a service that takes his jobs."""
    async with opened(emulated, tmp_path, token=None) as place:
        assert place.backend.traits.absence_window is None
        assert (place.backend.traits.poll_batch, place.backend.traits.hints) == (10, False)
        done = await place.started(place.run("1", shell("echo 1 > a")))
        assert isinstance(await place.end(done), Finished)
        assert await place.outputs(done) == {"a": b"1\n"}
        lives = await place.started(place.run("2", place.bodies.sleeps))
        other = replace(listed(place, emulated, "3"))
        answers = await place.backend.poll([done, lives, other])
        kinds = [type(answers[run.key]) for run in (done, lives, other)]
        assert kinds == [Finished, Alive, NoAnswer], "the last is somebody's"
        end = await place.end(await place.cancelled(lives))
        assert isinstance(end, Finished)
        assert end.stopped == "cancel"
        assert emulated.calls(f"GET /{RUNS[year]}/") == 0, "there is no list for strangers"
        lines = await examine(place.backend)
        assert [line.level for line in lines if "anonymous" in line.text] == ["warning"]
        with pytest.raises(RejectedError, match='no "members"'):
            await place.backend.submit(place.run("4", entry("members")))


async def test_doctor_tells_how_it_is(
    place: Place, emulated: Emulated, year: str, tmp_path: Path
) -> None:
    """A person would find out only by a job that does not start, or is not seen to end."""
    first, *more = await examine(place.backend)
    assert (first.level, f"the words of {year}; " in first.text) == ("ok", True)
    assert [line.text for line in more] == (
        ["1000000 CPU credits are left"] if year == "2025" else []
    )
    async with opened(emulated, tmp_path, calls="100/d") as few:
        await examine(few.backend)
        *_, last = await examine(few.backend)
    assert (last.level, "a look every" in last.text) == ("warning", True)
    assert "`proof`" in last.advice


def test_what_the_backend_promises() -> None:
    """Verbs that destroy would not be asked about, or files be taken for words."""
    verbs = KIND.verbs()
    assert {name for name, verb in verbs.items() if verb.warning} == {"delete"}
    files = {name: verb.file for name, verb in verbs.items() if verb.file}
    assert files == {"get": "to here", "zip": "to here", "exchange": "from here"}
