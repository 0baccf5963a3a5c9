"""A queue that is not there any more is not the same as one that was not begun yet."""

from orchestrator.config.home import Home
from orchestrator.core.ids import is_id


def lost_queue(home: Home) -> str | None:
    """Return, for people, why no queue may be begun in a home: it had one, and jobs in it.

    A drop is filed among the accepted ones only when the queue has it. None when all is well.
    """
    there = home.database.exists()
    if there and home.database.stat().st_size > 0:
        return None
    if not home.archive.is_dir() or not any(is_id(drop.name) for drop in home.archive.iterdir()):
        return None
    return (
        f"{home.database} is {'empty' if there else 'gone'}, but there were jobs here:"
        f" `orchestrator restore` puts a copy in its place, the newest is in {home.backups}; to"
        f" begin anew all the same, move {home.archive} away"
    )
