"""The stand-in service behind a place: in a thread of the test, or as a process of its own."""

import json
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import anyio
from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import Kind, Run
from orchestrator.emulators.ground import Kind as Emulated
from orchestrator.emulators.server import Settings, serving
from orchestrator.testing.canary import Canary
from orchestrator.testing.contract.place import DEADLINE, LOOK_EVERY, Bodies, Options

Form = Literal["thread", "process"]
# Everything in it that has another spelling in JSON or a URL.
PASSWORD = 'c4nary "ä/+\\&=%3d?~ürzt'  # noqa: S105 - made to be looked for


@dataclass(frozen=True, slots=True)
class StandIn:
    """What the suite must be told of a kind of service.

    `starts` is method and path of the one call that starts a run of `bodies`; a * may end it.
    `set_password` makes a password that of the account, in a folder that no stand-in has used yet.
    Of faults that this kind alone has, `hiding` keep a run out of lists for a while,
    `hostile_names` list outputs under names that no file may have, and `own` are all others that
    strike a run. `clean_up` is what a [run] table says so that `forget` removes all that is over
    there. `dials` are settings of the stand-in that it is started with. `fetches` is the call by
    which a file is fetched, with * for what differs. `unseen` are faults that nothing tells of a
    file which is fetched by it: a service may tell no checksum. `spare` is how many last bytes of a
    submit a service does without.
    `stop_there` and `apart`, given the stand-in, are those of a `Place`.

    `tag` is what a tag of all starts of a run holds, and of no other run. `knows_absence`: `find`
    can tell in the end that a start was never made which was asked for; else a person must look.
    `gives` says whether it gives out secrets, such as tokens.
    """

    kind: Kind
    emulated: Emulated
    bodies: Bodies
    starts: str
    set_password: Callable[[Path, str], None]
    own: Sequence[str] = ()
    hiding: Sequence[str] = ()
    hostile_names: Sequence[str] = ()
    clean_up: Mapping[str, JsonValue] = field(default_factory=dict)
    dials: Mapping[str, float] = field(default_factory=dict)
    fetches: str = "GET /s3/*"
    unseen: Sequence[str] = ()
    spare: int = 0
    stop_there: "Callable[[Service, Run], Awaitable[None]] | None" = None
    apart: "Callable[[Service, Options], Options]" = lambda _service, options: options
    tag: Callable[[Run], str] = lambda run: run.key
    knows_absence: bool = True
    gives: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """A stand-in that runs: what fits a configuration, and what a test may ask it."""

    configuration: str
    control: str
    stand_in: StandIn

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._table["url"])

    @property
    def backend(self) -> str:
        """What the configuration calls it."""
        [name] = tomllib.loads(self.configuration)["backends"]
        return str(name)

    @property
    def address(self) -> tuple[str, int]:
        """Its host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def options(self, kind: Kind, **changes: Any) -> Any:
        """Return options of the backend that lead to it."""
        table = {key: value for key, value in self._table.items() if key != "kind"}
        return kind.options.model_validate(table | changes)

    @property
    def secrets(self) -> Mapping[str, str]:
        """What the secrets of the configuration resolve to."""
        tables = tomllib.loads(self.configuration)["secrets"]
        return {name: Path(it["file"]).read_text("utf-8") for name, it in tables.items()}

    def put(self, *faults: str) -> None:
        """Switch faults on, in place of all that were."""
        request = urllib.request.Request(  # noqa: S310 - the stand-in's own address
            f"{self.control}/faults", json.dumps(faults).encode(), method="PUT"
        )
        urllib.request.urlopen(request).close()  # noqa: S310 - as above

    def told(self) -> dict[str, Any]:
        """Return what happened there."""
        with urllib.request.urlopen(self.control) as reply:  # noqa: S310 - as above
            known: dict[str, Any] = json.load(reply)
        return known

    def starts(self, run: Run) -> list[str]:
        """Return the ids of all that was ever started for a run."""
        tag = self.stand_in.tag(run)
        return [it["run"] for it in self.told()["starts"] if tag in " ".join(it["tags"])]

    def live(self) -> list[str]:
        """Return the runs that have processes now."""
        return list(self.told()["live"])

    def tell(self, what: str, **wish: JsonValue) -> Any:
        """Do what somebody else does there; return what it answers."""
        request = urllib.request.Request(  # noqa: S310 - the stand-in's own address
            f"{self.control}/{what}", json.dumps(wish).encode(), method="POST"
        )
        with urllib.request.urlopen(request) as reply:  # noqa: S310 - as above
            return json.load(reply)

    def canary(self) -> Canary:
        """Return a search for every secret that was given to it or by it."""
        return Canary([*self.secrets.values(), *self.told()["given"]])

    async def until(self, is_so: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until what it tells is so."""
        with anyio.fail_after(DEADLINE):
            while not is_so(await run_sync(self.told)):  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(LOOK_EVERY)

    async def quiet(self) -> None:
        """Wait until no call is under way: what the window of absence stands for."""
        await self.until(lambda told: told["under_way"] == 0)

    @property
    def _table(self) -> dict[str, Any]:
        [table] = tomllib.loads(self.configuration)["backends"].values()
        return dict(table)


@contextmanager
def running(stand_in: StandIn, root: Path, form: Form, *faults: str) -> Iterator[Service]:
    """Run a stand-in with faults switched on from its beginning."""
    root.mkdir(mode=0o700)
    stand_in.set_password(root, PASSWORD)
    run = _in_thread if form == "thread" else _as_process
    with run(stand_in, root, faults) as service:
        yield service


@contextmanager
def _in_thread(stand_in: StandIn, root: Path, faults: Sequence[str]) -> Iterator[Service]:
    with serving(stand_in.emulated, root, Settings(dials=stand_in.dials)) as told:
        service = Service(told.configuration, told.control, stand_in)
        service.put(*faults)
        yield service


@contextmanager
def _as_process(stand_in: StandIn, root: Path, faults: Sequence[str]) -> Iterator[Service]:
    command = [sys.executable, "-m", "orchestrator", "emulate", stand_in.emulated.name]
    switched = [word for fault in faults for word in ("--fault", fault)]
    switched += [f"--set={name}={number:g}" for name, number in stand_in.dials.items()]
    with subprocess.Popen(
        [*command, "--root", str(root), *switched], stdout=subprocess.PIPE
    ) as process:
        try:
            if process.stdout is None or not (line := process.stdout.readline()):
                raise RuntimeError(f"{stand_in.emulated.name} did not come up")
            facts = json.loads(line)
            yield Service(facts["configuration"], facts["control"], stand_in)
        finally:
            process.terminate()
