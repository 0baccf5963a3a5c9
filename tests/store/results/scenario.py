"""One run on its way into the results, told once, for the tests and the programs they kill."""

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.core.history import Entry
from orchestrator.core.lifecycle import Outcome, Shown
from orchestrator.core.names import Foreign, local_names
from orchestrator.store.results import (
    Announced,
    EndedRun,
    Fetched,
    Item,
    Published,
    Unpack,
    begin,
    fetch,
    publish,
    verified_by,
)
from tests.archives.making import entry, tar

JOB = "0123456789ab"
SPEC = b'name = "beam"\n'
PACKED = {b"0.1/U": b"1 2 3\n" * 500, b"log": b"converged\n"}
OUTPUTS = {  # name over there → chunks
    "stdout": [b"solving\n", b"done\n"],
    "beam.dat": [b"1 2 3\n" * 1000],
    "plots/deep/x.png": [b"\x89PNG", bytes(5000)],
    "case.tar": [tar(*(entry(*it) for it in PACKED.items()), entry(b"latest", kind=b"2"))],
}
UNPACK = Unpack({"outputs/case.tar": "outputs/case"}, stop=lambda: False, keep_free=0)
UNPACKED = {f"outputs/case/{name.decode()}": data for name, data in PACKED.items()}
NOTES = ["outputs/case.tar was unpacked without 1 of its entries: 'latest' (symbolic link)"]
ENTRY = Entry(1, 1e9, JOB, "beam", 1, "local", "77", Shown.RUNNING, Shown.HARVESTING, 2.5, "ended")


def new_home(root: Path) -> Home:
    """Make the folders of a home that the result store needs."""
    home = Home(root)
    home.staging.mkdir(parents=True)
    home.results.mkdir()
    return home


def ended(number: int = 1, **changed: object) -> EndedRun:
    """Return what the queue knows of a run of the job."""
    facts = {
        "key": f"orch-homehome-run{number:09}",
        "job_id": JOB,
        "job_name": "beam",
        "number": number,
        "backend": "local",
        "remote_id": "77",
        "outcome": Outcome.SUCCEEDED,
        "exit_code": 0,
        "reason": "exit status 0",
    }
    return EndedRun(**{**facts, **changed})  # type: ignore[arg-type]


def fetch_one(staging: Path, name: str, chunks: Iterable[bytes], **asked: object) -> Fetched:
    """Fetch with nothing announced, nothing to stop it and no room to keep, unless asked."""
    announced = Announced(*(asked.pop(said, None) for said in ("size", "sha256", "md5")))  # type: ignore[arg-type]
    defaults = {"stop": lambda: False, "keep_free": 0}

    def open_at(_: int) -> AbstractContextManager[tuple[int, Iterable[bytes], str | None]]:
        return nullcontext((0, chunks, None))

    return fetch(staging, name, open_at, announced, **{**defaults, **asked})  # type: ignore[arg-type]


def fetch_all(home: Home, run: EndedRun) -> list[Item]:
    """Fetch every output of the scenario."""
    staging = begin(home, run.key)
    names = local_names([Foreign(name, log=name == "stdout") for name in OUTPUTS])
    items = []
    for (original, chunks), name in zip(OUTPUTS.items(), names, strict=True):
        size = sum(map(len, chunks))
        got = fetch_one(staging, name, chunks, size=size)
        verified = verified_by(Announced(size))
        items.append(Item(got.name, original, got.size, got.sha256, verified))
    return items


def publish_run(
    home: Home,
    run: EndedRun,
    items: Sequence[Item],
    history: Sequence[Entry] = (ENTRY,),
    unpack: Unpack | None = UNPACK,
) -> Published:
    """Publish with the scenario's spec."""
    return publish(home, run, items, spec=SPEC, spec_suffix=".toml", history=history, unpack=unpack)


def harvest(home: Home, number: int = 1) -> Published:
    """Bring one run in, from the first byte to the published result."""
    run = ended(number)
    return publish_run(home, run, fetch_all(home, run))


if __name__ == "__main__":
    harvest(new_home(Path(sys.argv[1])))
