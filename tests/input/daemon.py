"""The real daemon over one of everything at once; and over writers that trickle for a minute."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random

from orchestrator.config import Home
from orchestrator.intake import Report
from orchestrator.store.sqlite import connect_reader
from tests.input import foreign, json_cases, names, naughty, specs, texts, yaml_cases
from tests.input.case import Case, Tally
from tests.input.custody import digest, inode_of
from tests.input.group import Means
from tests.input.house import opened_house
from tests.input.judge import Drop
from tests.input.writer import PIECES, TEXT
from tests.input.writers import Writer

ROOT = Path(__file__).parents[2]
CONFIG = '[spool]\nsettle = "{settle}"\n'
EACH = 120  # cases of each group, in one spool
LONGEST = 900.0  # seconds until the daemon must have ended by itself
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MOST_STEPS = 1000
TRACES = Path("/tmp")


async def everything_at_once(means: Means) -> Tally:
    """Serve a spool that holds some of every group, with writers at work in it."""
    cases = _some_of_all(means)
    before = _traces()
    tally = await _served(
        means.folder, cases, settle="100ms", writers=("held", "mapped"), pause=0.05
    )
    tally.wrong += [f"{path}: something was run" for path in _traces() - before]
    return tally


def _traces() -> set[Path]:
    return {*TRACES.glob("blns*")}


async def minute(means: Means) -> Tally:
    """Serve writers that take a minute: some stay, some come and go."""
    if not means.is_whole:
        return Tally("", remark="left out: it takes a minute")
    ways = ("held", "mapped", "appended", "rewritten")
    return await _served(means.folder, [], settle="7s", writers=ways, pause=60 / len(PIECES))


def _some_of_all(means: Means) -> list[Case]:
    """Return cases of every group; only such as do no harm when their jobs are run."""
    found: dict[bytes, Case] = {}
    for group in (json_cases, naughty, yaml_cases, texts, foreign, names):
        cases = [case for case in group.cases(Random(means.rng.random())) if _may_run(case)]
        count = max(8, round(EACH * means.share))
        found |= {case.name: case for case in means.rng.sample(cases, min(count, len(cases)))}
    cases = [Case(b"bad-" + case.name, case.content) for case in specs.cases()]
    return [*found.values(), *means.rng.sample(cases, max(8, round(len(cases) * means.share)))]


def _may_run(case: Case) -> bool:
    """Naughty strings are no scripts, and a folder of thousands is for another group."""
    return not case.name.startswith(b"script-") and b"many" not in case.name


async def _served(
    folder: Path, cases: Sequence[Case], *, settle: str, writers: Sequence[str], pause: float
) -> Tally:
    root = folder / "served"
    config = CONFIG.format(settle=settle)
    async with opened_house(root, config, keep=True) as house:
        drops = [house.put(case) for case in cases]
        paths = {way: house.path(f"slow {way}.toml".encode()) for way in writers}
    with ExitStack() as stack:
        at_work = [stack.enter_context(Writer(way, path)) for way, path in paths.items()]
        for writer in at_work:
            writer.hear()
            writer.step()
        drops += [_whole(path) for path in paths.values()]
        ended = asyncio.create_task(_serve(root))
        for _ in range(MOST_STEPS):
            if sum(writer.step() for writer in at_work) == 0:
                break
            await asyncio.sleep(pause)
    returncode, said = await ended
    async with opened_house(root, config) as house:
        wrong = [*_read_logs(house.home), *_look_at_results(house.home)]
        tally = await house.judge(drops, Report())
    if returncode not in {0, 1} or "Traceback" in said:
        tally.crashed.append(f"the daemon ended with {returncode}: {said[-2000:]}")
    tally.wrong += wrong
    return tally


async def _serve(root: Path) -> tuple[int | None, str]:
    """Serve until nothing can move; return how that ended, and what was said meanwhile."""
    program = [sys.executable, "-m", "orchestrator", "--home", str(root), "serve", "--until-idle"]
    with (root / "said").open("w+") as said:
        process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=said, stderr=said)
        try:
            await asyncio.wait_for(process.wait(), LONGEST)
        except TimeoutError:
            process.kill()
            await process.wait()
        said.seek(0)
        return process.returncode, said.read()


def _whole(path: Path) -> Drop:
    """Return what a writer's file must be in the end."""
    whole = path.parent.parent / "whole"
    whole.write_bytes(TEXT)
    case = Case(path.name.encode(), TEXT, "accepted")
    return Drop(case, inode_of(path), digest(whole), TEXT)


def _read_logs(home: Home) -> Iterator[str]:
    """Yield each line of the logs that is not as it should be: printable, and one an entry."""
    lines = (home.log / "status.log").read_text().splitlines()
    with closing(connect_reader(home.database)) as conn:
        entries = conn.execute("SELECT count(*) AS n FROM history").fetchone()["n"]
    if len(lines) != entries:
        yield f"status.log has {len(lines)} lines for {entries} entries"
    yield from (f"status.log: {line!r}" for line in lines if not line.isprintable())
    for line in (home.log / "orchestrator.jsonl").read_text().splitlines():
        if not line.isascii() or not line.isprintable():
            yield f"orchestrator.jsonl: {line!r}"
        json.loads(line)


def _look_at_results(home: Home) -> Iterator[str]:
    """Yield each result that has an unsafe name, and what `fsck` and `verify` complain of."""
    for folder in home.results.iterdir():
        if SAFE.fullmatch(folder.name) is None:
            yield f"results/{folder.name!r}"
    for words in (["fsck"], ["verify", "--all"]):
        program = [sys.executable, "-m", "orchestrator", "--home", str(home.root), *words]
        ran = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            yield f"{words[0]}: {ran.stdout[-1000:]} {ran.stderr[-1000:]}"
