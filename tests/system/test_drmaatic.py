"""A cluster behind DRMAAtic on a bad day, in both dialects: the daemon, killed, and its stand-in.

The daemon is killed when the queue has taken down so many steps, not after a time.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hardship.service import Service
from tests.system.cloud import Cloud
from tests.system.decks import assert_solved, read

pytestmark = [pytest.mark.needs("ccx"), pytest.mark.parametrize("year", ["2025", "2023"])]

COPIES = 3
DECK = "beam8f"
STEPS = range(8, 60)  # of some 90 in all: after so many, a daemon may be killed

# Each strikes once, most where it does the most harm.
FAULTS = (
    "drop-after,on=POST *",
    "drop-before,skip=1,on=POST *",
    "error-after=500,skip=1,on=POST *",
    "error-before=500,skip=2,on=POST *",
    "cut=200,skip=2,on=POST *",
    "html,skip=3,on=POST *",
    "empty-json,skip=3,on=POST *",
    "late-row=0.3,skip=4,on=POST *",
    "slow-submit=0.3,skip=5,on=POST *",
    "too-many=1,skip=4,on=POST *",
    "list-lag=0.5,on=GET *",
    "controller-down=0.3,skip=4,on=GET *",
    "wrong-uuid,on=GET *",
    "odd-status,on=GET *",
    "late-files=0.3,on=GET *",
    "short-body,on=GET */file/*.dat",
    "short-length,skip=3,on=GET */file/*",
    "hostile-names,on=GET */file/",
    "token-expired,skip=30",
    "redirect,skip=35",
    "forbidden,skip=40",
    "gzip,skip=45",
    "late=0.2,skip=50",
)
AT_ANY_TIME = (
    "error-before=500", "error-after=500", "drop-before", "drop-after", "cut", "html",
    "empty-json", "short-body", "forbidden", "late-row=0.2", "slow-submit=0.2", "wrong-uuid",
    "odd-status", "late-files=0.2",
)  # fmt: skip

SHELL = """\
{after}backend = "drmaatic"

[run]
task = "shell"
files = {{ script = "run.sh"{data} }}
parameters = {{ argument = ["for all", "{name}"] }}
proof = {proof}
proof_wait = "1s"

[outputs]
exclude = ["*.log"]
"""
OTHERS = {
    "array": """\
backend = "drmaatic"
[run]
task = "arr"
proof = ["out_1.txt", "out_2.txt", "out_3.txt", "out_4.txt"]
""",
    "fails": """\
backend = "drmaatic"
[run]
task = "fail"
parameters = { code = 3 }
""",
    "archive": """\
backend = "drmaatic"
[run]
task = "echo-file"
files = { input_file = "text.txt" }
take = "zip"
[outputs]
unpack = ["*.zip"]
""",
}


def _shell(
    name: str, script: str, *, data: str = "", proof: str = "", after: str = ""
) -> dict[str, str]:
    """Return the files of a job that runs a script."""
    spec = SHELL.format(
        name=name,
        after=f'after = ["{after}"]\n' if after else "",
        data=f', data = "{data}"' if data else "",
        proof=json.dumps([proof] if proof else []),
    )
    return {"job.toml": spec, "run.sh": script}


def _lines(number: int) -> str:
    """Return an input of half a megabyte or so."""
    return "".join(f"{number} {i}\n" for i in range(60_000))


JOBS = {
    **{
        f"copy-{i}": _shell(f"copy-{i}", 'sort data.txt > sorted.txt; echo "$1/$2" > words.txt',
                            data="in.txt", proof="sorted.txt") | {"in.txt": _lines(i)}
        for i in range(COPIES)
    },
    **{name: {"job.toml": text} for name, text in OTHERS.items()},
    "unproved": _shell("unproved", "echo half > half.txt", proof="whole.txt"),
    "mesh": _shell("mesh", "sleep 1; seq 1000 > mesh.txt"),
    "solve": _shell("solve", "sort -rn data.txt > solved.txt", data="in.txt", after="mesh"),
    "broken": _shell("broken", "sleep 1; exit 7"),
    "never": _shell("never", "echo begun > never.txt", after="broken"),
    "endless": _shell("endless", "echo begun > begun.txt; exec sleep 1000"),
    "deck": _shell("deck", "ccx data > solver.log", data="deck.inp", proof="data.dat"),
}  # fmt: skip
ENDS = dict.fromkeys(JOBS, "succeeded") | {
    "fails": "failed",
    "unproved": "failed",
    "broken": "failed",
    "never": "cancelled",
    "endless": "cancelled",
}
