"""Which job a person's word means. Apart from `look`, so that a quick look need not load specs."""

from orchestrator.core.ids import ALPHABET, is_id
from orchestrator.store.queries import load
from orchestrator.store.sqlite import Connection

SHORTEST_PREFIX = 3


def resolve(conn: Connection, name: str, *, unfinished_first: bool = False) -> list[str]:
    """Return the ids of the jobs that a person's word may mean: id, name, or prefix of an id.

    With `unfinished_first`, of several jobs of one name the unfinished ones count, if any are.
    """
    if not name.isprintable():
        return []  # no job is called so, and SQL takes no bytes that are not text
    sql = load("look")
    if is_id(name) and conn.execute(load("queue")["job_known"], {"id": name}).fetchone():
        return [name]
    named = conn.execute(sql["jobs_named"], {"name": name}).fetchall()
    if named:
        unfinished = [row["id"] for row in named if row["state"] in {"queued", "active"}]
        return unfinished if unfinished_first and unfinished else [row["id"] for row in named]
    if len(name) < SHORTEST_PREFIX or not set(name) <= set(ALPHABET):
        return []
    values = {"low": name, "high": name + "~"}
    return [row["id"] for row in conn.execute(sql["jobs_with_prefix"], values).fetchall()]
