"""Where everything of one daemon lies: the home directory and the names in it."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """The paths below one home directory; nothing here touches the disk."""

    root: Path

    @property
    def config(self) -> Path:
        """The commented configuration file."""
        return self.root / "orchestrator.toml"

    @property
    def spool(self) -> Path:
        """The folder into which people drop job files and requests."""
        return self.root / "spool"

    @property
    def rejected(self) -> Path:
        """What could not be accepted, whole, with the reason beside it."""
        return self.root / "rejected"

    @property
    def results(self) -> Path:
        """Published results: `<name>-<job id>/<run number>/`."""
        return self.root / "results"

    @property
    def log(self) -> Path:
        """`orchestrator.jsonl` and `status.log`."""
        return self.root / "log"

    @property
    def state(self) -> Path:
        """The daemon's own (mode 0700): nothing in it is for people to touch."""
        return self.root / "state"

    @property
    def lock(self) -> Path:
        """Held with flock by the one daemon of this home for its life."""
        return self.state / "lock"

    @property
    def control(self) -> Path:
        """The socket at which the daemon can be asked."""
        return self.state / "control.sock"

    @property
    def database(self) -> Path:
        """The queue."""
        return self.state / "queue.db"

    @property
    def ballast(self) -> Path:
        """Takes up room while there is enough, so that there is some to let go."""
        return self.state / "ballast"

    @property
    def backups(self) -> Path:
        """Copies of the queue."""
        return self.state / "backups"

    @property
    def restored(self) -> Path:
        """A queue that was restored and is to take the place of the present one, whatever comes."""
        return self.state / "restored.db"

    @property
    def claimed(self) -> Path:
        """`<job id>/<dropped name>`: taken from the spool, not yet known to be in the queue."""
        return self.state / "claimed"

    @property
    def archive(self) -> Path:
        """`<job id>/<dropped name>`: drops that are in the queue; input files stay here."""
        return self.state / "archive"

    @property
    def staging(self) -> Path:
        """`<run key>/`: outputs on their way into the results; same file system as `results`."""
        return self.state / "staging"

    def backend(self, name: str) -> Path:
        """Return the private folder of the backend with this name."""
        return self.state / "backends" / name


def default_home() -> Path:
    """Return ORCHESTRATOR_HOME, or the folder that the XDG base directories give it."""
    if chosen := os.environ.get("ORCHESTRATOR_HOME"):
        return Path(chosen).absolute()
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share"  # noqa: PTH117 - "" is not a Path
    return base / "orchestrator"
