"""Requests go through the same door, after the jobs they may be about, and once each."""

import json
import os
import shutil

from orchestrator.core.intake import Request, Verb
from orchestrator.spool import drop_file, drop_request
from tests.intake.world import GOOD, World


async def test_a_request_is_applied_after_the_job_of_the_same_scan(world: World) -> None:
    """`submit` and then `cancel`, both while the daemon is down, would leave the job running."""
    first = drop_request(world.home, Verb.CANCEL, "beam")
    drop_file(world.home, GOOD, "beam", ".toml")
    report = await world.scan()
    assert report.requests == (Request(first, Verb.CANCEL, "beam", confirmed=False),)
    assert world.queue.rows("SELECT * FROM request") == [(first, "cancel", "beam")]
    assert world.left() == []
    assert [path.name for path in (world.home.archive / first).iterdir()] == [
        f"cancel.orch-{first}.request.json"
    ]


async def test_a_request_waits_for_every_job_of_the_scan(world: World) -> None:
    """With many drops at once, a request would be refused because its job is still to come."""
    drop_request(world.home, Verb.HOLD, "last")
    for number in range(70):  # more than one batch
        drop_file(world.home, GOOD, f"n{number}", ".toml")
    drop_file(world.home, GOOD, "last", ".toml")
    report = await world.scan()
    assert (len(report.accepted), len(report.requests), report.rejected) == (71, 1, ())


async def test_an_old_request_that_is_dropped_again_does_nothing(world: World) -> None:
    """A request that is copied back from the archive would stop the daemon."""
    drop_file(world.home, GOOD, "beam", ".toml")
    ident = drop_request(world.home, Verb.RETRY, "beam")
    await world.scan()
    shutil.copy(next((world.home.archive / ident).iterdir()), world.spool)
    report = await world.scan()
    assert (len(report.requests), world.left()) == (1, [])
    assert world.queue.rows("SELECT id FROM request") == [(ident,)]


async def test_requests_are_applied_as_they_came(world: World) -> None:
    """A hold and its release would be applied the wrong way round, and the job held for ever."""
    drop_file(world.home, GOOD, "beam", ".toml")
    wanted = [Verb.HOLD, Verb.RELEASE, Verb.CANCEL, Verb.RETRY]
    for second, verb in enumerate(wanted):
        ident = drop_request(world.home, verb, "beam", confirmed=verb is Verb.RETRY)
        path = world.spool / f"{verb}.orch-{ident}.request.json"
        os.utime(path, (0, second))
    report = await world.scan()
    assert [request.verb for request in report.requests] == wanted
    assert [request.confirmed for request in report.requests] == [False, False, False, True]


async def test_an_adoption_carries_the_name_of_the_run(world: World) -> None:
    """The daemon would not learn which run is meant."""
    drop_file(world.home, GOOD, "beam", ".toml")
    first = drop_request(world.home, Verb.ADOPT, "beam", remote_id="4711")
    report = await world.scan()
    assert report.requests == (Request(first, Verb.ADOPT, "beam", remote_id="4711"),)


async def test_a_request_that_arrives_twice_is_applied_once(world: World) -> None:
    """A request that is delivered again by a careful script would retry a job twice."""
    drop_file(world.home, GOOD, "beam", ".toml")
    ident = drop_request(world.home, Verb.RETRY, "beam")
    shutil.copy(world.spool / f"retry.orch-{ident}.request.json", world.spool / "r.request.json")
    await world.settled()
    assert world.queue.rows("SELECT id FROM request") == [(ident,)]
    assert world.left() == []


async def test_a_request_by_hand_needs_no_id(world: World) -> None:
    """People could not write a request with an editor alone."""
    drop_file(world.home, GOOD, "beam", ".toml")
    world.write("please.request.json", json.dumps({"request": "hold", "job": "beam"}).encode())
    report = await world.settled()
    assert [request.verb for request in report.requests] == [Verb.HOLD]
