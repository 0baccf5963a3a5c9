"""What every test under faults stands on: the stand-in, and a place that leads to it."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import cache, partial
from pathlib import Path
from random import Random
from secrets import randbits
from typing import Any, ClassVar

import pytest

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.http import asking, storage
from orchestrator.backends.http.trust import tls
from orchestrator.testing.contract.place import Place, open_place
from orchestrator.testing.contract.service import Form, Service, StandIn, running

FIVE = (TransientError, QuotaError, AuthError, RejectedError, ProtocolError)
IMPATIENT = 0.5  # seconds


_tls = cache(tls)


class Ground:
    """The fixtures. A joining class sets `stand_in`, and `form` to say how it is served."""

    stand_in: ClassVar[StandIn]
    form: ClassVar[Form] = "thread"

    @pytest.fixture(autouse=True)
    def certificates(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Read the system's authorities once, not at each of hundreds of openings."""
        monkeypatch.setattr(storage, "tls", _tls)

    @pytest.fixture
    def service(self, tmp_path: Path) -> Iterator[Service]:
        """Run the stand-in."""
        with running(self.stand_in, tmp_path / "service", self.form) as service:
            yield service

    @pytest.fixture
    async def place(self, service: Service, tmp_path: Path) -> AsyncIterator[Place]:
        """Open a place that leads there."""
        async with self.place_at(service, tmp_path / "place") as place:
            yield place
            service.put()

    @pytest.fixture(params=["sample", pytest.param("whole", marks=pytest.mark.long)])
    def seeded(self, request: pytest.FixtureRequest) -> Random | None:
        """Return the chance that chooses a sample; None where all is to be tried."""
        if request.param == "whole":
            return None
        seed = randbits(32)
        print(f"seed {seed}")  # noqa: T201 - shown when it fails
        return Random(seed)  # noqa: S311 - a sample

    def impatience(self) -> AbstractContextManager[None]:
        """Let no call last longer than half a second, nor a transfer of what is opened meanwhile.

        A kind that has limits of its own makes those short, too.
        """
        return _all_impatient()

    def place_at(
        self, service: Service, directory: Path, **changes: Any
    ) -> AbstractAsyncContextManager[Place]:
        """Open a place that leads to a service, with some options changed."""
        options = service.options(self.stand_in.kind, **changes)
        stop = self.stand_in.stop_there
        return open_place(
            self.stand_in.kind,
            options,
            directory,
            self.stand_in.bodies,
            secrets=service.secrets,
            stop_there=None if stop is None else partial(stop, service),
            apart=partial(self.stand_in.apart, service),
        )


@contextmanager
def _all_impatient() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "LIMIT", IMPATIENT)
        for limit in ("PATIENCE", "HEAD_LIMIT", "WINDOW"):
            patch.setattr(storage, limit, IMPATIENT)
        yield


def assert_fit_to_show(errors: Iterable[BaseException], service: Service) -> None:
    """Check that errors are of the five kinds, and that their texts show nothing secret."""
    canary = service.canary()
    for error in errors:
        assert type(error) in FIVE, repr(error)
        assert isinstance(error, BackendError)
        text = f"{error} {error!r}"
        assert str(error).strip(), "an error says what happened"
        assert not canary.within(text, "an error's text"), text
        assert "?" not in text.replace("? ", ""), f"a query is shown: {text}"
