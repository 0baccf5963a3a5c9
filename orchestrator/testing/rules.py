"""What must hold at every call a simulated backend gets: read from the database at that moment."""

import json
from typing import TYPE_CHECKING

from orchestrator.backend import Run
from orchestrator.store.sqlite import Row

if TYPE_CHECKING:
    from orchestrator.testing.world import World

STATES = {
    "stage": "staging",
    "submit": "submitting",
    "find": "unknown",
    "poll": "running",
    "cancel": "running",
    "sync": "running",
    "list_outputs": "harvesting",
    "open_output": "harvesting",
    "forget": "ended",
}
IN_FLIGHT = 800.0  # seconds that an act may go on after a person held the job

_BEFORE = """SELECT it.word, job.state,
(SELECT json_group_array(remote_id) FROM run WHERE run.job = it.awaits) AS names
FROM dependency AS it LEFT JOIN job ON job.id = it.awaits WHERE it.job = ?"""

_OTHERS = """SELECT run.key, run.state, run.outcome FROM run JOIN job ON job.id = run.job
WHERE job.lease = (SELECT lease FROM job WHERE id = :job) AND run.key <> :key"""

_RUN = """SELECT run.state, run.memo, run.outcome, run.manifest_sha256, run.remote_id, job.want,
job.shown, job.shown_since, run.job FROM run JOIN job ON job.id = run.job WHERE run.key = ?"""
_UNTOLD = """SELECT id FROM job
WHERE state = 'queued' AND in_line = 0 AND lease = (SELECT lease FROM job WHERE id = ?)"""


def check_call(world: "World", verb: str, key: str) -> None:
    """Hold one call against what is committed: the state that calls for it, the person's wish."""
    row = world.conn.execute(_RUN, (key,)).fetchone()
    if row is None:
        world.fail(f"{verb} of {key}, which is not in the queue")
        return
    if row["state"] != STATES[verb] and not _overtaken(world, verb, key, row):
        world.fail(f"{verb} of {key}, which is {row['state']}")
    if verb == "forget":
        if row["remote_id"] is not None and row["manifest_sha256"] is None:
            world.fail(f"{key} is forgotten without its results being published")
        return
    if row["state"] != "ended":
        _check_alone(world, verb, key, row["job"])
    if row["shown"] == "HELD" and world.steady() - row["shown_since"] > IN_FLIGHT:
        world.fail(f"{verb} of {key}, whose job is held")


def _overtaken(world: "World", verb: str, key: str, row: Row) -> bool:
    """Whether a person decided while an act was under way: gave the run up, or named it."""
    if row["state"] == "ended":
        unpublished = row["remote_id"] is not None and row["manifest_sha256"] is None
        return unpublished or row["outcome"] in {"abandoned", "lost"}
    named = any(key in server.adopted for server in world.servers)
    return named and verb == "find" and row["state"] == "running"


def check_start(world: "World", run: Run) -> None:
    """Hold the start of real work against what is committed; called before it begins."""
    key = run.key
    row = world.conn.execute(_RUN, (key,)).fetchone()
    if row is None and world.restorer is not None:
        return  # a request of a life that a restore forgot is executed late
    if row is not None:
        _check_after_restore(world, key, row["job"])
        _check_order(world, run, row["job"])
        _check_truly_alone(world, key, row["job"])
        if world.restorer is None and not run.memo.items() <= json.loads(row["memo"]).items():
            world.fail(f"{key} starts with {run.memo}, of which only {row['memo']} is kept")
    if row is None or row["state"] not in {"submitting", "unknown"}:
        abandoned = row is not None and row["outcome"] == "abandoned"
        if not abandoned:
            world.fail(f"{key} starts while the queue says {row and row['state']}")
    for server in world.servers:
        if server.starts[key]:
            world.fail(f"{key} starts a second time")
        others = [other for other in server.live(row["job"]) if other != key] if row else []
        if others:
            world.fail(f"{key} starts while {others} of the same job may be under way")


def _check_order(world: "World", run: Run, job: str) -> None:
    """Hold a start against the promise: all that the job comes after have succeeded before.

    Or the server was told of a run of each of the others, and will hold this one back.
    """
    for one in world.conn.execute(_BEFORE, (job,)).fetchall():
        names = json.loads(one["names"])
        if one["state"] != "succeeded" and not set(names) & set(run.after):
            world.fail(f"{run.key} starts after {one['word']} ({names}), which is {one['state']}")


def _check_alone(world: "World", verb: str, key: str, job: str) -> None:
    """Hold a call against the promise: no other live run has what the job needs to itself.

    And whoever waits for it was told so.
    """
    for other in world.conn.execute(_OTHERS, {"job": job, "key": key}).fetchall():
        if other["state"] != "ended":
            world.fail(f"{verb} of {key} while {other['key']} has what it needs to itself")
    for waits in world.conn.execute(_UNTOLD, (job,)).fetchall():
        world.fail(f"{waits['id']} needs what {key} has, and was not told")


def _check_truly_alone(world: "World", key: str, job: str) -> None:
    """Hold a start against the servers: no other work goes on that needs the same to itself.

    Unless a person gave that run up, without which it would have been waited for; or it is one that
    a restore has forgotten how to wait for.
    """
    for other in world.conn.execute(_OTHERS, {"job": job, "key": key}).fetchall():
        given_up = other["outcome"] in {"abandoned", "lost"} or world.restorer is not None
        remote = next((s.runs[other["key"]] for s in world.servers if other["key"] in s.runs), None)
        if remote is not None and not given_up and world.steady() < remote.ends:
            world.fail(f"{key} starts while {other['key']} works on what it needs to itself")


def _check_after_restore(world: "World", key: str, job: str) -> None:
    """Hold the start of work against the promise: nobody but a person starts what may have begun.

    A run of the job that the queue does not know was started before a restore.
    """
    if world.restorer is None or job in world.restorer.asked:
        return
    known = {row["key"] for row in world.conn.execute("SELECT key FROM run").fetchall()}
    for server in world.servers:
        for other in server.runs.values():
            if other.job == job and other.key not in known:
                world.fail(f"{key} starts by itself after {other.key}, which a restore forgot")
