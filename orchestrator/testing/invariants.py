"""What must hold when a simulated world has come to rest: the daemon's word against the truth."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.core.lifecycle import JobState
from orchestrator.core.names import Foreign, local_names
from orchestrator.store import look, results
from orchestrator.store.sqlite import Row
from orchestrator.testing.server import Remote, Server

if TYPE_CHECKING:
    from orchestrator.testing.world import World


_UNSUCCESSFUL = """SELECT word FROM dependency WHERE job = :job AND NOT EXISTS
(SELECT 1 FROM history AS before JOIN history AS own ON own.seq > before.seq
 WHERE before.job = awaits AND before.target = 'SUCCEEDED'
   AND own.job = :job AND own.target = 'SUCCEEDED')"""


_TOLD = """SELECT 1 FROM history WHERE job = ? AND run = ? AND target = 'HELD'
AND reason LIKE '%stuck: %'"""


def broken(world: "World") -> Iterator[str]:
    """Yield every promise that does not hold in a world at rest."""
    jobs = world.conn.execute("SELECT * FROM job ORDER BY seq").fetchall()
    there, dropped = [row["id"] for row in jobs], world.people.jobs
    if world.restorer is not None:  # what is taken in again, comes last
        there, dropped = sorted(there), sorted(dropped)
    if there != dropped:
        yield f"dropped were {dropped}, in the queue are {there}"
    for job in jobs:
        yield from _of_job(world, job)
    yield from _history(world)
    yield from _effort(world)
    for problem in ("integrity_check", "foreign_key_check"):
        found = [tuple(row) for row in world.conn.execute(f"PRAGMA {problem}").fetchall()]
        if found not in ([], [("ok",)]):
            yield f"{problem}: {found}"


def _of_job(world: "World", job: Row) -> Iterator[str]:
    name, state = job["id"], JobState(job["state"])
    runs = world.conn.execute("SELECT * FROM run WHERE job = ? ORDER BY number", (name,)).fetchall()
    if [run["number"] for run in runs] != list(range(1, job["runs"] + 1)):
        yield f"{name}: {job['runs']} runs are counted, {len(runs)} are there"
    if len(runs) > job["allowed"]:
        yield f"{name}: {len(runs)} runs, {job['allowed']} were allowed"
    if not state.is_final:
        yield f"{name}: at rest it is {state}, {job['want']}"
    succeeded = bool(runs) and runs[-1]["outcome"] == "succeeded"
    if succeeded != (state is JobState.SUCCEEDED):
        yield f"{name} is {state}, its last run {runs[-1]['outcome'] if runs else 'none'}"
    if succeeded and world.restorer is None:
        rows = world.conn.execute(_UNSUCCESSFUL, {"job": name}).fetchall()
        yield from (f"{name} succeeded before {row['word']}, which it comes after" for row in rows)
    for run in runs:
        yield from _of_run(world, job, run)


def _of_run(world: "World", job: Row, run: Row) -> Iterator[str]:
    key = run["key"]
    server = next(server for server in world.servers if server.name == run["backend"])
    remote, outcome = server.runs.get(key), run["outcome"]
    started = server.starts[key] > 0
    if outcome in {"succeeded", "failed", "timed_out"} and run["manifest_sha256"]:
        if remote is None or not server.has_ended(remote):
            yield f"{key} is {outcome}, but its work goes on or never began"
        elif (remote.ok and run["spoilt"] is None) != (outcome == "succeeded"):
            yield f"{key} is {outcome}, the truth is {remote}"
    if run["manifest_sha256"] and remote is not None:
        yield from _result(world, job, run, remote)
    dropped = run["remote_id"] is None and outcome in {"rejected", "timed_out", "cancelled"}
    if dropped and started:
        yield f"{key} ended as {outcome}, as if it had not been started: it was"
    if run["suspect"]:  # how it ended was told to a queue that is not any more
        return
    if outcome == "lost" and (remote is None or remote.knowable):
        yield f"{key} is lost without being so: {remote}"
    yield from _unending(world, run, server)
    if outcome == "cancelled" and run["stop"] is None and run["manifest_sha256"]:
        yield f"{key} was cancelled without a wish"
    if run["last_error"] and "internal error" in run["last_error"] and not world.planted:
        yield f"{key}: {run['last_error']}"


def _unending(world: "World", run: Row, server: Server) -> Iterator[str]:
    """Look at a run that seemed stuck, or that nothing can stop: no guess may have ended it."""
    key, remote = run["key"], server.runs.get(run["key"])
    if run["reason"].startswith("cancelled on request, and given up: stuck"):
        told = world.conn.execute(_TOLD, (run["job"], run["number"])).fetchone()
        if told is None or remote is None or remote.stuck is None:
            yield f"{key} was given up without a person's word: {remote}"
    stopped = run["manifest_sha256"] and run["outcome"] in {"cancelled", "timed_out"}
    if stopped and not server.character.traits.stops:
        yield f"{key} is {run['outcome']}, where nothing stops it"


def _result(world: "World", job: Row, run: Row, remote: Remote) -> Iterator[str]:
    """Compare what is published with what the server had."""
    folder = world.home.results / results.folder_of(job["name"], job["id"]) / str(run["number"])
    for finding in results.verify(folder, manifest_sha256=run["manifest_sha256"]):
        yield f"{run['key']}: {finding}"
        return
    names = local_names([Foreign(name, log=name == "stdout") for name in remote.outputs])
    for name, data in zip(names, remote.outputs.values(), strict=True):
        if not (folder / name).is_file() or (folder / name).read_bytes() != data:
            yield f"{run['key']}: {name} is not what the server had"


def _history(world: "World") -> Iterator[str]:
    for job in world.people.jobs:
        entries = look.history_of(world.conn, job)
        before = None
        for entry in entries:
            if entry.source is not before:
                yield f"{job}: the history goes from {before} on with {entry.source}"
            before = entry.target
        row = world.conn.execute("SELECT shown, state FROM job WHERE id = ?", (job,)).fetchone()
        if row is not None and before != row["shown"]:
            yield f"{job} is shown as {row['shown']}, its history ends with {before}"


def _effort(world: "World") -> Iterator[str]:
    """Bound what the daemon did: a busy loop would show here."""
    runs = world.conn.execute("SELECT count(*) FROM run").fetchone()[0]
    commits = world.commits
    if world.turns > 100 + 3 * commits + world.steady() / 20:
        yield f"{world.turns} turns for {commits} commits in {world.steady():.0f} s"
    calls = len(world.trace)
    if calls > 60 + 60 * runs + world.steady() / 60 * max(1, len(world.people.jobs)):
        yield f"{calls} calls for {runs} runs in {world.steady():.0f} s"
