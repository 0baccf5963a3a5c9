"""Where everything of one cluster lies: its folder, and its ports of 127.0.0.1."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where everything of one cluster lies."""

    root: Path
    controller: int
    node: int
    accounting: int
    rest: int

    @property
    def conf(self) -> Path:
        """The folder of the configuration."""
        return self.root / "etc"

    @property
    def state(self) -> Path:
        """The folder of what the daemons keep."""
        return self.root / "state"

    @property
    def logs(self) -> Path:
        """The folder of the logs."""
        return self.root / "log"

    @property
    def munge(self) -> Path:
        """The socket by which processes of this machine prove who they are."""
        return self.root / "munge.sock"

    @property
    def database(self) -> Path:
        """The socket of MariaDB, in a folder that only root can enter: it asks for no password."""
        return self.state / "database/sql.sock"

    @property
    def scratch(self) -> Path:
        """The folder of MariaDB's temporary tables."""
        return self.state / "tmp"

    @property
    def local(self) -> Path:
        """The socket of the slurmrestd that trusts the user at its other end."""
        return self.root / "rest.sock"

    @property
    def runs(self) -> Path:
        """The folder of a shared file system, in a small way."""
        return self.root / "runs"

    @property
    def token(self) -> Path:
        """The file of a token for slurmrestd."""
        return self.root / "token"

    @property
    def sql(self) -> list[str]:
        """Options of MariaDB: what is lost with the machine may be lost.

        It has a folder of its own for temporary tables: what it finds there when it starts, of
        whichever server, it removes.
        """
        return [
            *("--no-defaults", f"--datadir={self.state}/database", "--user=root"),
            f"--tmpdir={self.scratch}",
            *("--innodb-flush-method=nosync", "--innodb-log-file-size=8M", "--sync-frm=0"),
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"),
        ]
