"""Plant faults one by one, and show which test catches which.

    python tests/mutants.py [--sound] [WORD …]

`mutants.toml` lists them. First their tests are run without any fault, but not with --sound: for
who runs the whole suite anyway. Then the tree is copied to temporary folders; each fault is planted
in one by replacing one exact text, and the narrow test that is meant to catch it is run. Words on
the command line choose the faults whose name holds one of them. Some tests sample: a fault that
survives is tried once more, and the line says so. Ends with 1 when a fault survives, when its text
is not found exactly once, or when a test fails without a fault, beside the others and then again
alone.
"""

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import Queue

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "*.egg-info")
LONGEST = 600.0  # seconds for one test; a fault that makes it hang is caught, too
AT_ONCE = (os.cpu_count() or 1) + 1  # many tests wait, and work little
SOUND = "--sound"
SIDE_BY_SIDE = ("-n", "auto", "--dist", "worksteal")

Mutant = Mapping[str, str]


def main(arguments: list[str]) -> int:
    """Plant every chosen fault; return the exit code."""
    words = [word for word in arguments if word != SOUND]
    table = tomllib.loads((ROOT / "tests/mutants.toml").read_text())["mutant"]
    mutants = [m for m in table if not words or any(word in m["name"] for word in words)]
    bad = []
    with (
        tempfile.TemporaryDirectory(prefix="orchestrator-mutants-") as folder,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        trees = _trees(Path(folder), AT_ONCE)
        tests = set() if SOUND in arguments else {mutant["test"] for mutant in mutants}
        for test in _unsound(tests):
            _say(f"FAILS WITHOUT A FAULT  {test}")  # it would seem to catch anything
            bad.append(test)
        for mutant, tried in zip(mutants, pool.map(partial(_try, trees), mutants), strict=True):
            caught, how, took = tried
            _say(f"{'caught' if caught else 'SURVIVED':8}  {took:5.1f} s  {mutant['name']}: {how}")
            if not caught:
                bad.append(mutant["name"])
    _say(f"{len(mutants)} faults planted, {len(bad)} not caught: {', '.join(bad) or 'none'}")
    return 1 if bad else 0


def _unsound(tests: set[str]) -> list[str]:
    """Return what fails without any fault: side by side with the others, and again alone."""
    failed = _run(ROOT, *sorted(tests), *SIDE_BY_SIDE) if tests else []
    doubtful = {test for line in failed for test in tests if f" {test}" in line}
    for line in failed:
        _say(f"failed beside the others, and is run again alone: {line}")
    return [line for test in sorted(doubtful) for line in _run(ROOT, test)]


def _trees(folder: Path, number: int) -> "Queue[Path]":
    """Make copies of the tree, one for each that works at the same time."""
    trees: Queue[Path] = Queue()
    for name in range(number):
        tree = folder / f"tree-{name}"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT, symlinks=True)
        # By hash: a time of whole seconds would let a fault be taken for the text before it.
        compileall.compile_dir(tree, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        trees.put(tree)
    return trees


def _try(trees: "Queue[Path]", mutant: Mutant) -> tuple[bool, str, float]:
    """Plant one fault in a tree, run its test, take the fault out again."""
    tree, began = trees.get(), time.monotonic()
    try:
        caught, how = _plant(tree, mutant)
        if not caught:
            caught, how = _plant(tree, mutant)
            how = f"at the second try: {how}"
    finally:
        trees.put(tree)
    return caught, how, time.monotonic() - began


def _plant(tree: Path, mutant: Mutant) -> tuple[bool, str]:
    path = tree / mutant["file"]
    sound = path.read_text()
    if sound.count(mutant["text"]) != 1:
        return False, f"its text stands {sound.count(mutant['text'])} times in {mutant['file']}"
    path.write_text(sound.replace(mutant["text"], mutant["put"]))
    try:
        failed = _run(tree, mutant["test"], "-x")
    finally:
        path.write_text(sound)
    passes = f"{mutant['test']} passes; broken is: {mutant['breaks']}"
    return bool(failed), failed[0] if failed else passes


def _run(tree: Path, *tests: str) -> list[str]:
    """Run tests; return the lines that tell which parts of them failed."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
    command.append("--hypothesis-profile=planted")
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    try:
        ran = subprocess.run(
            [*command, *tests],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"{tests[0]} did not end"]
    if ran.returncode == 0:
        return []
    lines = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if ran.returncode != 1 or not lines:  # no test failed: it could not even begin
        raise SystemExit(f"{tests[0]} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return [line[:240] for line in lines]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
