"""When each run was last seen alive: the cluster remembers a run's end for a short time only.

Kept on disk, so that a restart of the daemon makes no run doubtful. Losing it does: a run that
nobody saw alive shortly before its end is told by its files.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NAME = "alive.json"
SAVE_EVERY = 10.0  # seconds; what the last ones changed may be lost
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Sightings:
    """Sightings by a run's key. `now` is in seconds since the machine's start."""

    def __init__(self, directory: Path, now: Callable[[], float]) -> None:
        self._path, self._now = directory / NAME, now
        self._boot = _BOOT.read_text().strip()
        self._at = self._load()
        self._saved_at = now()

    def note(self, key: str, at: float) -> None:
        """Note that a run was alive at a moment, which is not later than that of the answer."""
        self._at[key] = max(at, self._at.get(key, at))
        if self._now() - self._saved_at >= SAVE_EVERY:
            self.save()

    def forget(self, key: str) -> None:
        """Drop what is known of a run."""
        self._at.pop(key, None)

    def within(self, key: str, seconds: float) -> bool:
        """Whether a run was alive less than so many seconds ago."""
        at = self._at.get(key)
        return at is not None and self._now() - at < seconds

    def save(self) -> None:
        """Write them by one rename; a disk that does not take them is no reason to stop."""
        self._saved_at = self._now()
        new = self._path.with_name(f".{NAME}.{os.getpid()}")
        with suppress(OSError):
            new.write_text(json.dumps({"boot": self._boot, "at": self._at}))
            new.rename(self._path)

    def _load(self) -> dict[str, float]:
        """Return what was kept since the machine's start; nothing else can be told from a clock."""
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            tree = json.loads(self._path.read_bytes())
            if tree["boot"] == self._boot:
                return {str(key): float(at) for key, at in tree["at"].items()}
        return {}
