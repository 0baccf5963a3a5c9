"""The lines of a log, as the service writes them; what a program prints stands between them."""

from datetime import UTC, datetime
from pathlib import Path

ENGINE, THREAD = "sostrades_core.ExecutionEngine", "__main__"
STUDY_MANAGER, EXECUTION_ENGINE = "base_study_manager", "execution_engine"


class Logbook:
    """The log of one execution. `worker` is the process that computes."""

    def __init__(self, path: Path, study: int, worker: int) -> None:
        self._path, self._study, self._worker = path, study, worker

    def server(self, module: str, text: str) -> None:
        """Write what the server says, or the part of it that the calculation takes with it."""
        self._line(f"MAIN_SERVER INFO in {module}", text)

    def engine(self, text: str, module: str = EXECUTION_ENGINE) -> None:
        """Write what the engine says."""
        self._line(f"[worker: {self._worker}] {self._study}.{ENGINE} INFO in {module}", text)

    def thread(self, text: str, level: str = "INFO") -> None:
        """Write what is said around the engine's work."""
        self._line(f"[worker: {self._worker}] {THREAD} {level} in execution_engine_thread", text)

    def plain(self, text: str) -> None:
        """Write text as it is."""
        with self._path.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    def _line(self, who: str, text: str) -> None:
        now = datetime.now(UTC)
        self.plain(f"[{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}] {who}: {text}")
