"""A kind of backend whose runs never end, and whose outputs are whatever a test puts on a shelf.

`listing.json` in the shelf's folder is what is listed; the bytes of an output are in the file that
`file_of` names. Where there is a pipe `gate`, the second half of an output is read when somebody
has opened it and gone; `how` tells how the last reading ended. After a `sync`, `synced.json` is
what is listed from the third look on.
"""

import hashlib
import json
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator import backend as seam
from orchestrator.backend import Context, Kind, Output, Run, Stream, Traits
from orchestrator.core.spec import Table
from tests.engine.bench import Scripted

SYNCED_AFTER = 3  # looks


def file_of(output: str) -> str:
    """Return the name of the file with an output's bytes."""
    return hashlib.sha256(output.encode()).hexdigest()


class Options(Table):
    """Where the shelf is, and how long it takes to show more."""

    shelf: str
    early: bool = True
    visible_after: float = 0.0


class RunTable(Table):
    """Nothing."""


@dataclass(slots=True, kw_only=True)
class Shelf(Scripted):
    """An open shelf."""

    folder: Path

    async def sync(self, run: Run) -> None:
        """Note it."""
        with (self.folder / "syncs").open("a") as file:
            file.write(f"{run.key} {run.live}\n")
        (self.folder / "looks").unlink(missing_ok=True)

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """Tell what is on the shelf. A listing that is a number says how the call fails."""
        assert run.live
        with (self.folder / "looks").open("a+") as file:
            file.write("x")
        synced = (self.folder / "syncs").exists()
        late = synced and len((self.folder / "looks").read_text()) >= SYNCED_AFTER
        path = self.folder / ("synced.json" if late else "listing.json")
        listed = json.loads(path.read_text())
        if isinstance(listed, str):
            raise getattr(seam, listed)("no, because\x1b[2J", retry_after=90.0)
        return [Output(**one) for one in listed]

    @contextmanager
    def open_output(self, run: Run, output: Output, offset: int) -> Iterator[Stream]:
        """Read what was put there; what is gone was removed by the run."""
        assert (run.live, offset) == (True, 0)
        try:
            data = (self.folder / file_of(output.name)).read_bytes()
        except FileNotFoundError:
            raise seam.RejectedError("it has gone", effect="none") from None
        how = "read"
        try:
            yield Stream(0, self._chunks(data))
        except BaseException as error:
            how = type(error).__name__
            raise
        finally:
            (self.folder / "how").write_text(how)

    def _chunks(self, data: bytes) -> Iterator[bytes]:
        half, gate = len(data) // 2, self.folder / "gate"
        yield data[:half]
        if gate.exists() and stat.S_ISFIFO(gate.stat().st_mode):
            gate.read_bytes()  # until somebody has written to it
        yield data[half:]


@asynccontextmanager
async def _open(context: Context, options: Options) -> AsyncIterator[Shelf]:
    del context  # it keeps nothing
    visible_after = options.visible_after if options.early else None
    yield Shelf(traits=Traits(visible_after=visible_after), folder=Path(options.shelf))


KIND = Kind(
    name="shelf",
    summary="what tests look at",
    options=Options,
    run=RunTable,
    open=_open,
    max_runs=lambda _: 3,
)
