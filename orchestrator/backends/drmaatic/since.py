"""Since when something is so of a run: what may pass by itself is waited for a while."""

from collections.abc import Callable, Iterable
from math import inf


class Since:
    """Conditions by a run's key and a word for each. `now` is in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._at: dict[tuple[str, str], float] = {}

    def seconds(self, key: str, what: str) -> float:
        """Return for how long something is so; from the first call on."""
        now = self._now()
        return now - self._at.setdefault((key, what), now)

    def over(self, key: str, what: str) -> None:
        """Note that it is not so any more."""
        self._at.pop((key, what), None)

    def lasting(self, key: str, whats: Iterable[str], seconds: float) -> set[str]:
        """Return which of these have been so for at least so many seconds."""
        latest = self._now() - seconds
        return {what for what in whats if self._at.get((key, what), inf) <= latest}

    def forget(self, key: str) -> None:
        """Drop what is known of a run."""
        self._at = {it: at for it, at in self._at.items() if it[0] != key}
