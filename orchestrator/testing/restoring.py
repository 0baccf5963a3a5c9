"""Restores in a simulated world: between two lives, an earlier copy takes the queue's place."""

from random import Random
from typing import TYPE_CHECKING

from orchestrator.core.ids import id_from_bits, key_of
from orchestrator.core.intake import NewJob, Request, Verb
from orchestrator.daemon.reconcile import Told, unknown_results
from orchestrator.store import entrance, look, restored
from orchestrator.store.sqlite import Connection, connect_writer
from orchestrator.testing.image import HOME_ID

if TYPE_CHECKING:
    from orchestrator.testing.world import World

CRASHES = 8  # so that there is something to restore, and something to lose


class Restorer:
    """Copies the queue and puts copies back, between two lives of the daemon."""

    def __init__(self, world: "World", seed: int) -> None:
        self._world = world
        self._random = Random(f"restores {seed}")  # noqa: S311 - a world is made of its seed
        self._copy: Connection | None = None
        self.accepted: list[NewJob] = []
        self.asked: set[str] = set()  # jobs that a person let go on since the last restore
        self.times = 0

    def took(self, item: NewJob | Request) -> None:
        """Remember what entered the queue: the drops stay in the archive, the requests do not."""
        if isinstance(item, NewJob):
            self.accepted.append(item)
        elif item.verb in {Verb.RELEASE, Verb.RETRY}:
            self.asked.add(item.job)

    def refuses(self, item: Request) -> bool:
        """Whether a person who looked would not ask for this: a run of the job is under way."""
        started = item.verb in {Verb.RELEASE, Verb.RETRY}
        return self.times > 0 and started and not self._world.may_confirm(item.job)

    def between_lives(self) -> None:
        """Copy the queue, restore the last copy, or do nothing."""
        what = self._random.choice(["copy", "restore", "restore", "nothing"])
        if what == "copy" or (what == "restore" and self._copy is None):
            self._copy = _copied(self._world.conn)
        elif what == "restore" and self._copy is not None:
            self._restore(_copied(self._copy))

    def _restore(self, conn: Connection) -> None:
        """Do to the copy what `orchestrator restore` does, by the same functions."""
        world = self._world
        world.note("restore")
        conn.execute("BEGIN IMMEDIATE")
        restored.number_history_from(conn, look.last_history(world.conn))
        for job in self.accepted:
            entrance.add(conn, job, world.now())
        for job_id, found in unknown_results(world.home, conn, HOME_ID, Told()):
            restored.adopt(conn, job_id, found, world.now(), self._new_key)
        restored.doubt_everything(conn, "restored", world.now())
        conn.execute("COMMIT")
        world.conn.close()
        world.conn = conn
        self.asked.clear()
        self.times += 1

    def _new_key(self) -> str:
        return key_of(HOME_ID, id_from_bits(self._random.getrandbits(60)))


def _copied(conn: Connection) -> Connection:
    copy = connect_writer(":memory:")
    conn.backup(copy)
    return copy
