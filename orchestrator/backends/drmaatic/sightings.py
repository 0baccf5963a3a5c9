"""When each run was last told to be alive: the cluster remembers a run's end for a short time only.

The moments are those of the service's own clock, as its replies are dated: neither a clock that is
set nor a restart of this machine makes a run doubtful, or a doubtful one sure. They are kept on
disk; losing them does: a run that nobody saw alive shortly before its end is told by its files.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from orchestrator.backends.drmaatic.replies import Record

NAME = "alive.json"
SAVE_EVERY = 10.0  # seconds; what the last ones changed may be lost
SLOWEST = 30.0  # seconds that the service may take to answer: it may have looked so much earlier


class Sightings:
    """Sightings by a run's key. `now` (seconds, steady) is for how often they are saved."""

    def __init__(self, directory: Path, now: Callable[[], float]) -> None:
        self._path, self._now = directory / NAME, now
        self._at = self._load()
        self._saved_at = now()

    def note(self, key: str, record: Record) -> None:
        """Note that a run was told to be alive."""
        if record.told is None:
            return
        self._at[key] = record.told
        if self._now() - self._saved_at >= SAVE_EVERY:
            self.save()

    def forget(self, key: str) -> None:
        """Drop what is known of a run."""
        self._at.pop(key, None)

    def is_timely(self, key: str, record: Record, remembered: float) -> bool:
        """Whether a run that is told to have ended was alive less than so many seconds before."""
        alive = [record.begun, None if key not in self._at else self._at[key] - SLOWEST]
        told = record.told  # in whole seconds; what lies far ahead of it is of another clock
        return told is not None and any(
            at is not None and abs(told - at) < remembered for at in alive
        )

    def save(self) -> None:
        """Write them by one rename; a disk that does not take them is no reason to stop."""
        self._saved_at = self._now()
        new = self._path.with_name(f".{NAME}.{os.getpid()}")
        with suppress(OSError):
            new.write_text(json.dumps(self._at))
            new.rename(self._path)

    def _load(self) -> dict[str, float]:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            tree = json.loads(self._path.read_bytes())
            return {str(key): float(at) for key, at in tree.items()}
        return {}
