"""The envelope: what an answer means, whatever status it comes with."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.cloudhpc import KIND, simulations, storage
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.model import Options
from orchestrator.backends.http import Use, read_standing
from orchestrator.testing.contract import Place, open_place
from tests.cloudhpc.conftest import BODIES, calls_of
from tests.http.rogue import Rogue, answer, rogue

UNAUTHORISED = {"errors": ["Unauthorized."]}
TECHNICAL = {"errors": ["A technical problem has occurred, try again later."]}
SIMULATION = {"id": 7, "folder": "f", "status": 30}
USED_UP = ("x-ratelimit-hourly-limit: 100", "x-ratelimit-hourly-used: 100")


class Says:
    """A service that gives every call the same answer."""

    def __init__(self, server: Rogue) -> None:
        self.server, self._reply = server, answer()

    @property
    def reply(self) -> bytes:
        """The answer."""
        return self._reply

    def set(self, tree: Any, status: int = 200, *headers: str) -> None:
        """Choose it."""
        body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
        self._reply = answer(body, f"{status} Whatever", *headers)


@pytest.fixture
def says() -> Iterator[Says]:
    """Run it."""
    with ExitStack() as stack:
        there: list[Says] = []
        server = stack.enter_context(rogue(lambda it: it.send(there[0].reply)))
        there.append(Says(server))
        yield there[0]


@asynccontextmanager
async def opened(says: Says, directory: Path) -> AsyncIterator[Place]:
    """Open an account there."""
    options = Options.model_validate({"url": says.server.url, "api_key": {"secret": "key"}})
    async with open_place(KIND, options, directory, BODIES, secrets={"key": "s3cret"}) as place:
        yield place


@pytest.fixture
async def place(says: Says, tmp_path: Path) -> AsyncIterator[Place]:
    """Open an account there."""
    async with opened(says, tmp_path / "place") as place:
        yield place


@pytest.fixture
def calls(place: Place) -> Calls:
    """Return what calls it."""
    return calls_of(place)


async def add(calls: Calls) -> int:
    """Start a simulation."""
    return await simulations.add(
        calls, cpu=1, ram="standard", script="s", folder="f", mesh=None, spot=False
    )


@pytest.mark.parametrize("status", [200, 201, 400, 403, 404, 409, 500, 503])
async def test_a_success_counts_with_any_status(says: Says, calls: Calls, status: int) -> None:
    """A simulation that was started would be taken for one that was not, and be started again."""
    says.set({"response": 17}, status)
    assert await add(calls) == 17


@pytest.mark.parametrize("status", [200, 400, 403, 404, 418])
async def test_a_failure_counts_with_any_status(says: Says, calls: Calls, status: int) -> None:
    """What was refused would be taken for started; and nobody would be told why."""
    says.set({"errors": ["No credit left.", "Ask the sales team."]}, status)
    with pytest.raises(RejectedError, match=r"No credit left\.; Ask the sales team\.") as caught:
        await add(calls)
    assert caught.value.effect == "none"


async def test_a_wrong_address_refuses_no_job(says: Says, calls: Calls) -> None:
    """All queued jobs would fail at once for a slip in `url`."""
    says.set(b"<html>Not Found</html>", 404)
    with pytest.raises(TransientError, match="check `url` of this backend") as caught:
        await add(calls)
    assert caught.value.effect == "none"


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_that_fails_may_have_started_it(
    says: Says, calls: Calls, status: int
) -> None:
    """A run would be started twice."""
    says.set({"errors": ["Database is away."]}, status)
    with pytest.raises(TransientError, match="Database is away") as caught:
        await add(calls)
    assert caught.value.effect == "possible"


@pytest.mark.parametrize("status", [200, 401, 403])
async def test_a_refused_key_is_a_person_s_matter(
    says: Says, calls: Calls, place: Place, status: int
) -> None:
    """A wrong key would be tried for ever; and no person would be told what to renew."""
    says.set(UNAUTHORISED, status)
    for _ in range(5):
        with pytest.raises(AuthError, match=r"Unauthorized.*check `api_key`") as caught:
            await add(calls)
        assert caught.value.effect == "none"
    with pytest.raises(QuotaError, match="its credentials were refused 5 times in a row"):
        await simulations.page(calls, 1, Use.POLL)
    assert len(says.server.seen) == 5
    await place.close()
    assert "credentials" not in "".join(read_standing(place.directory)), "it may be a new one now"


async def test_a_refused_key_is_noticed_by_every_call(says: Says, calls: Calls) -> None:
    """A wrong key would look like a file that is not there yet."""
    says.set(UNAUTHORISED, 403)
    for ask in (
        lambda: storage.by_path(calls, "a", Use.ASK),
        lambda: simulations.view_short(calls, 7, Use.ASK),
        lambda: storage.delete_cache(calls, Use.ASK),
    ):
        with pytest.raises(AuthError):
            await ask()


async def test_a_technical_problem_is_no_refused_key(says: Says, calls: Calls) -> None:
    """Every unknown id would hold all jobs of the account until a person comes."""
    says.set(TECHNICAL, 403)
    for _ in range(7):
        with pytest.raises(TransientError, match="technical problem") as caught:
            await simulations.view_short(calls, 7, Use.POLL)
        assert (type(caught.value), caught.value.effect) == (TransientError, "none")
        assert await storage.by_path(calls, "a", Use.ASK) is None
    with pytest.raises(TransientError) as caught:
        await add(calls)
    assert (type(caught.value), caught.value.effect) == (TransientError, "possible")


@pytest.mark.parametrize("words", [TECHNICAL, {"errors": ["Limit reached."]}])
async def test_over_quota_is_told_by_429_and_by_the_count(
    says: Says, calls: Calls, words: object
) -> None:
    """A job would end, or wait for a person, because the hour's calls are used up."""
    says.set(words, 429)
    with pytest.raises(QuotaError) as caught:
        await add(calls)
    assert caught.value.effect == "none"


@pytest.mark.parametrize("words", [TECHNICAL, {"errors": ["Limit reached."]}])
async def test_over_quota_is_told_by_403_and_the_count(
    says: Says, calls: Calls, words: object
) -> None:
    """A job would end, or wait for a person, because the hour's calls are used up."""
    says.set(words, 403, *USED_UP)
    with pytest.raises(QuotaError, match="calls are used up") as caught:
        await storage.by_path(calls, "a", Use.ASK)
    assert caught.value.effect == "none"


@pytest.mark.parametrize(
    "body", [b"<html>error</html>", b"", b"17", b'"ok"', b"[]", b"{}", b'{"result": 17}', b"null"]
)
async def test_what_is_no_envelope_is_no_answer(says: Says, calls: Calls, body: bytes) -> None:
    """A page of something on the way would be taken for a list without our run."""
    says.set(body)
    with pytest.raises(ProtocolError) as caught:
        await simulations.page(calls, 1, Use.POLL)
    assert caught.value.effect == "none"
    with pytest.raises(ProtocolError) as caught:
        await add(calls)
    assert caught.value.effect == "possible"


@pytest.mark.parametrize(
    "value", [True, False, None, "", "x17", "17.5", 17.5, -1, [17], {"id": 17}, "٣"]
)
async def test_only_a_bare_number_is_an_id(says: Says, calls: Calls, value: object) -> None:
    """The simulation of somebody else would be followed, and stopped on a cancel."""
    says.set({"response": value})
    with pytest.raises(ProtocolError) as caught:
        await add(calls)
    assert caught.value.effect == "possible"


async def test_an_id_may_be_a_number_in_a_text(says: Says, calls: Calls) -> None:
    """A service that changes how it writes numbers would stop everything."""
    says.set({"response": "17"})
    assert await add(calls) == 17


async def test_numbers_come_as_texts_and_what_is_unset_as_nothing(says: Says, calls: Calls) -> None:
    """A run could not be followed before it has cost anything."""
    says.set({"response": {"id": "7", "folder": "f", "status": "30", "cost": "", "cpu_hrs": ""}})
    found = await simulations.view(calls, 7, Use.POLL)
    assert (found.id, found.status, found.cost, found.cpu_hrs) == (7, 30, None, None)
    says.set({"response": {**SIMULATION, "cost": "1.25", "cpu_hrs": 3, "status": 10}})
    found = await simulations.view(calls, 7, Use.POLL)
    assert (found.status, found.cost, found.cpu_hrs) == (10, 1.25, 3.0)
    says.set({"response": {"id": 5, "name": "f/a", "type": "file", "size": "12"}})
    item = await storage.by_path(calls, "f/a", Use.ASK)
    assert item is not None
    assert (item.id, item.size, item.created) == ("5", 12, "")


@pytest.mark.parametrize("look", [simulations.view, simulations.view_short])
async def test_the_record_of_another_is_no_answer(
    says: Says, calls: Calls, look: Callable[..., Any]
) -> None:
    """A job would be given the end of another."""
    says.set({"response": {**SIMULATION, "id": 8}})
    with pytest.raises(ProtocolError, match="asked for simulation 7"):
        await look(calls, 7, Use.POLL)


@pytest.mark.parametrize("ids", [[7, 8], [8, 8, 7], [9, 7, 8]])
async def test_a_list_that_is_not_in_order_is_no_answer(
    says: Says, calls: Calls, ids: list[int]
) -> None:
    """Pages would be left out that hold our runs."""
    says.set({"response": [{**SIMULATION, "id": id_} for id_ in ids]})
    with pytest.raises(ProtocolError, match="not in order"):
        await simulations.page(calls, 1, Use.POLL)


@pytest.mark.parametrize(
    "spoiled", [{"status": "done"}, {"status": None}, {"folder": None}, {"id": "x"}, {"cost": "?"}]
)
async def test_a_record_of_another_shape_is_no_answer(
    says: Says, calls: Calls, spoiled: dict[str, Any]
) -> None:
    """A run would be judged by half a record."""
    says.set({"response": {**SIMULATION, **spoiled}})
    with pytest.raises(ProtocolError) as caught:
        await simulations.view(calls, 7, Use.POLL)
    assert str(next(iter(spoiled))) in str(caught.value)


async def test_no_error_shows_the_key(says: Says, calls: Calls) -> None:
    """Who reads a log would have the account."""
    says.set({"errors": ["X-API-Key s3cret is wrong"]}, 403)
    with pytest.raises(BackendError) as caught:
        await add(calls)
    assert "is wrong" in str(caught.value)
    assert "s3cret" not in str(caught.value)
