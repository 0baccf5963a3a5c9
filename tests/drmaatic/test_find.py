"""Looking for a run by its description: what is believed, and what proves nothing."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from orchestrator.backend import Absent, Found, Run, Several, Unclear
from orchestrator.backends.drmaatic import KIND, service
from orchestrator.backends.drmaatic.submitting import description
from orchestrator.testing.contract import Place, open_place
from tests.drmaatic.conftest import BODIES, RUNNING, RUNS, entry, listed, today
from tests.emulated import Emulated
from tests.http.rogue import Connection, answer, rogue


def others(emulated: Emulated, text: str, **wish: object) -> None:
    """Have somebody start runs that are described so."""
    emulated.tell("runs", description=text, **wish)


def wanted(place: Place) -> Run:
    """Return a run that was not submitted."""
    return place.run("1", entry("sleep"))


async def test_only_the_very_description_is_ours(place: Place, emulated: Emulated) -> None:
    """A run of somebody else would be followed, cancelled and harvested."""
    run = wanted(place)
    ours = description(run)
    for text in (f"{ours}0", f"x{ours}", ours.upper(), ours[:-1], run.key, f"{ours} again"):
        others(emulated, text)
    others(emulated, ours, owner="bob")
    assert isinstance(await place.backend.find(run), Absent)
    there = listed(place, emulated, "1")
    found = await place.backend.find(run)
    assert isinstance(found, Found)
    assert (found.remote_id, run.key in found.evidence) == (there.remote_id, True)


async def test_a_run_far_down_the_list_is_found(
    place: Place, emulated: Emulated, year: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run would be started again behind a hundred others; or a look cost a call for each page."""
    there = listed(place, emulated, "1")
    others(emulated, "of others", count=2 * service.PAGE_SIZE)
    before = emulated.calls(f"GET /{RUNS[year]}/")
    found = await place.backend.find(there)
    assert isinstance(found, Found)
    assert emulated.calls(f"GET /{RUNS[year]}/") - before == (1 if year == "2025" else 3)
    monkeypatch.setattr(service, "MOST_PAGES", 2)
    answer = await place.backend.find(there)
    assert isinstance(answer, Found if year == "2025" else Unclear), "a list that never ends"


async def test_a_list_that_changes_while_it_is_read_proves_nothing(
    place: Place, emulated: Emulated
) -> None:
    """A run that slipped from one page to another, unseen, would be started a second time."""
    there = listed(place, emulated, "1")  # as the first of the second page
    others(emulated, description(there) + "x", count=service.PAGE_SIZE)
    for rows in (1, -1):
        emulated.put(f"page-shift={rows}")
        assert not isinstance(await place.backend.find(there), Absent)
    emulated.put()
    assert isinstance(await place.backend.find(there), Found)


async def test_two_rows_of_one_key_are_for_a_person(place: Place, emulated: Emulated) -> None:
    """One of two runs would be taken by chance, the other go on unseen."""
    runs = [listed(place, emulated, "1") for _ in range(2)]
    found = await place.backend.find(wanted(place))
    assert found == Several(tuple(sorted(str(run.remote_id) for run in runs)))


async def test_a_ghost_is_adopted(place: Place, emulated: Emulated, year: str) -> None:
    """A submission that may be in flight would be made a second time."""
    word = "job" if year == "2025" else "task"
    ghost = listed(place, emulated, "1", status=f"{word} has been received from the ws")
    found = await place.backend.find(ghost)
    assert isinstance(found, Found)
    assert found.remote_id == ghost.remote_id


@today
async def test_what_carries_our_key_and_is_another_is_not_ours(
    place: Place, emulated: Emulated
) -> None:
    """The result of half a submit, or of another's run, would be published as the job's."""
    listed(place, emulated, "1")
    five = entry("sleep", parameters={"seconds": 5})
    for body, says in (
        (entry("fail"), 'it runs "sleep", not "fail"'),
        (five, 'parameter "seconds" was not taken as "5"'),
    ):
        unclear = await place.backend.find(place.run("1", body))
        assert isinstance(unclear, Unclear)
        assert says in unclear.why


@pytest.mark.parametrize("it_is", ["another", "unknown", "ours"])
async def test_a_list_that_mixes_runs_up_is_not_believed(tmp_path: Path, it_is: str) -> None:
    """Somebody else's run would be followed, and cancelled."""
    ours, text = f"job orch-{it_is}", {"another": "job orch-1", "ours": f"job orch-{it_is}"}
    row = {"uuid": str(uuid4()), "task": "sleep", "status": RUNNING, "job_description": ours}
    page = {"count": 1, "next": None, "previous": None, "results": [row]}
    one = answer(json.dumps({**row, "job_description": text.get(it_is)}).encode())
    if it_is == "unknown":
        one = answer(b'{"detail": "No Job matches the given query."}', "404 Not Found")

    def service(it: Connection) -> None:
        it.send(answer(json.dumps(page).encode()) if it.head.startswith(b"GET /job/?") else one)

    with rogue(service) as server:
        table = {"url": server.url, "dialect": "2025", "token": {"secret": "s"}}
        options = KIND.options.model_validate(table)
        async with open_place(KIND, options, tmp_path / "p", BODIES, secrets={"s": "t"}) as place:
            run = replace(place.run("1", entry("sleep")), key=f"orch-{it_is}")
            found = await place.backend.find(run)
    if it_is == "ours":
        assert isinstance(found, Found)
    else:
        assert isinstance(found, Unclear)
        assert "is another by its UUID" in found.why


@today
async def test_a_list_that_is_behind_is_outwaited(place: Place, emulated: Emulated) -> None:
    """A run that the list does not show yet would be started a second time."""
    there = listed(place, emulated, "1")
    emulated.put("list-lag=60")
    assert isinstance(await place.backend.find(there), Absent)
    window = place.backend.traits.absence_window
    assert window is not None
    assert window > 60, "so it is no proof yet"
    emulated.pass_time(window)
    assert isinstance(await place.backend.find(there), Found)


@today
async def test_who_has_no_account_cannot_look(emulated: Emulated, tmp_path: Path) -> None:
    """A run would be started a second time because the service shows no list to strangers."""
    options = emulated.options.model_copy(update={"token": None})
    async with open_place(KIND, options, tmp_path / "place", BODIES) as place:
        assert place.backend.traits.absence_window is None
        run = await place.started(place.run("1", entry("sleep", parameters={"seconds": 0})))
        unclear = await place.backend.find(replace(run, remote_id=None))
        assert isinstance(unclear, Unclear)
        assert "anonymous" in unclear.why
        await place.end(run)
