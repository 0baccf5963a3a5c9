"""A sample of what `python tests/inputs.py` throws at intake, and whether its judge sees faults."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.input.case import Case
from tests.input.group import GOOD
from tests.input.house import House, opened_house, settled
from tests.input.judge import Job, judge, told
from tests.inputs import GROUPS, throw_group

SHARES = {
    "specs": 1,
    "json": 1,
    "naughty": 0.01,
    "yaml": 1,
    "texts": 1,
    "cuts": 0.1,
    "foreign": 0.1,
    "names": 1,
    "closed": 1,
    "writers": 1,
    "leases": 0.02,
    "flood": 0.03,
    "daemon": 0.03,
}


@pytest.mark.parametrize("group", SHARES)
def test_intake_stands_what_is_thrown_at_it(group: str) -> None:
    """Something that a person or a program drops would stop intake, get lost, or be half-read."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    tally = throw_group(group, seed, SHARES[group])
    assert tally.bad == []
    assert tally.cases == tally.accepted + tally.rejected + tally.left > 0


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("group", GROUPS)
def test_intake_stands_all_of_it(group: str) -> None:
    """As above, with every case there is, and writers that take a minute."""
    assert throw_group(group, random.SystemRandom().randrange(2**32), 1).bad == []


def _forget(house: House) -> None:
    (path,) = house.home.archive.glob("*/good.toml")
    path.unlink()


def _change(house: House) -> None:
    (path,) = house.home.archive.glob("*/good.toml")
    path.write_bytes(GOOD[:-2])


def _double(house: House) -> None:
    (path,) = house.home.archive.glob("*/good.toml")
    path.with_name("again.toml").hardlink_to(path)


def _unsay(house: House) -> None:
    (path,) = house.home.rejected.glob("*/reason.json")
    path.write_text('{"name": "bad.toml", "moved": true, "problems": ["well"]}')


def _add(house: House) -> None:
    house.path(b"stray.toml").write_bytes(GOOD)


HARM: dict[str, tuple[Callable[[House], None], str]] = {
    "forget": (_forget, "lost: good.toml: lies in 0 places"),
    "change": (_change, "lost: good.toml: its bytes changed in archive"),
    "double": (_double, "lost: good.toml: lies in 2 places"),
    "unsay": (_unsay, "wrong: bad.toml: the queue was told"),
    "add": (_add, "wrong: "),
}


@pytest.mark.parametrize("harm", HARM)
async def test_the_judge_sees_what_is_wrong(tmp_path: Path, harm: str) -> None:
    """The figures would be zero whatever intake did."""
    do_harm, told = HARM[harm]
    async with opened_house(tmp_path / "home") as house:
        cases = [Case(b"good.toml", GOOD, "accepted"), Case(b"bad.toml", b"bad", "rejected", "1:4")]
        drops = [house.put(case) for case in cases]
        assert (await settled(house, drops)).bad == []
        do_harm(house)
        assert any(it.startswith(told) for it in (await house.judge(drops, await house.scan())).bad)


async def test_the_judge_compares_what_is_stored(tmp_path: Path) -> None:
    """A job whose text is half of its file would count as well read."""
    async with opened_house(tmp_path / "home") as house:
        drop = house.put(Case(b"good.toml", GOOD, "rejected", keeps=(("name",), "better")))
        tally = await settled(house, [drop])
        accepted = "wrong: good.toml: accepted, not rejected '': ''"
        assert tally.bad == ["wrong: good.toml: 'better' became 'good'", accepted]
        said = await house.db.read(told, house.home, ())
        half = {ident: Job(job.text[:9], job.spec) for ident, job in said.jobs.items()}
        bad = judge(house.home, [drop], replace(said, jobs=half)).bad
        assert bad == [f"half-read: good.toml: 9 bytes of {len(GOOD)}", accepted]
