"""What can be tried on a real account: it costs a run, and nothing is made to fail."""

import os
import tomllib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest

from orchestrator.backend import Absent, Alive, Finished, Found, Kind
from orchestrator.config.loading import read_config
from orchestrator.config.model import Config
from orchestrator.config.resolve import resolve_secret
from orchestrator.testing.canary import Canary
from orchestrator.testing.contract.place import Bodies, Body, Place, open_place


class AccountContract:
    """Tests that a kind joins only where the environment names an account.

    `variable` holds the path of an orchestrator.toml with one backend of this kind; `job.toml`
    beside it is a job that runs for minutes over there, and the files of a folder `inputs` beside
    that, where there is one, are its inputs.
    """

    kind: ClassVar[Kind]
    variable: ClassVar[str]

    @pytest.fixture
    def table(self) -> Body:
        """Return the [run] table of the job, with its inputs."""
        job = Path(os.environ[self.variable]).with_name("job.toml")
        inputs = {path.name: path.read_bytes() for path in job.parent.glob("inputs/*")}
        return Body(tomllib.loads(job.read_text("utf-8"))["run"], inputs)

    @pytest.fixture
    def config(self) -> Config:
        """Return the configuration that the environment names."""
        file = Path(os.environ[self.variable])
        return read_config(file.read_bytes(), str(file), {self.kind.name: self.kind.options})

    @pytest.fixture
    async def place(self, tmp_path: Path, config: Config, table: Body) -> AsyncIterator[Place]:
        """Open the account."""
        [backend] = config.backends.values()
        secrets = {name: resolve_secret(config, name) for name in config.secrets}
        bodies = Bodies(
            writes=lambda _name, _times: table,
            copies=lambda _source, _name: table,
            fails=lambda _code: table,
            sleeps=table,
            lingers=lambda _name, _times: table,
        )
        opening = partial(open_place, self.kind, backend.options, tmp_path / "place", bodies)
        async with opening(secrets=secrets) as place:
            yield place

    async def test_one_run_from_its_start_to_its_end(self, place: Place, tmp_path: Path) -> None:
        """What was only ever tried on a stand-in would fail at the service itself."""
        run = place.run("1", place.bodies.sleeps)
        assert isinstance(await place.backend.find(run), Absent)
        run = await place.started(run)
        try:
            await place.reopen()
            found = await place.backend.find(run)
            assert isinstance(found, Found)
            assert found.remote_id == run.remote_id
            assert isinstance(await place.poll(run), Alive)
        finally:
            run = await place.cancelled(run)
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert (end.ok, end.stopped) == (False, "cancel")
        await place.backend.forget(run)
        assert not Canary([*place.secrets.values(), *place.concealed]).below(tmp_path)
