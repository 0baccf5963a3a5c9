"""Plant faults one by one, and show which test catches which: `python tests/mutants.py [WORD …]`.

`mutants.toml` lists them. The tree is copied to temporary folders, one for each processor; each
fault is planted in one by replacing one exact text, and the narrow test that is meant to catch it
is run. Words on the command line choose the faults whose name holds one of them. Ends with 1 when a
fault survives, when its text is not found exactly once, or when a test fails without any fault.
"""

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
from queue import Queue

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "*.egg-info")
LONGEST = 600.0  # seconds for one test; a fault that makes it hang is caught, too

Mutant = Mapping[str, str]


def main(words: list[str]) -> int:
    """Plant every chosen fault; return the exit code."""
    table = tomllib.loads((ROOT / "tests/mutants.toml").read_text())["mutant"]
    mutants = [m for m in table if not words or any(word in m["name"] for word in words)]
    bad = []
    with (
        tempfile.TemporaryDirectory(prefix="orchestrator-mutants-") as folder,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        trees = _trees(Path(folder), os.cpu_count() or 1)
        tests = sorted({mutant["test"] for mutant in mutants})
        for test, failed in zip(tests, pool.map(partial(_sound, trees), tests), strict=True):
            if failed:  # it would seem to catch anything
                _say(f"FAILS WITHOUT A FAULT  {test}: {failed}")
                bad.append(test)
        for mutant, tried in zip(mutants, pool.map(partial(_try, trees), mutants), strict=True):
            caught, how, took = tried
            _say(f"{'caught' if caught else 'SURVIVED':8}  {took:5.1f} s  {mutant['name']}: {how}")
            if not caught:
                bad.append(mutant["name"])
    _say(f"{len(mutants)} faults planted, {len(bad)} not caught: {', '.join(bad) or 'none'}")
    return 1 if bad else 0


def _trees(folder: Path, number: int) -> "Queue[Path]":
    """Make copies of the tree, one for each that works at the same time."""
    trees: Queue[Path] = Queue()
    for name in range(number):
        tree = folder / f"tree-{name}"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT, symlinks=True)
        trees.put(tree)
    return trees


def _sound(trees: "Queue[Path]", test: str) -> str | None:
    """Run a test without any fault; return how it fails, if it does."""
    tree = trees.get()
    try:
        return _run(tree, test)
    finally:
        trees.put(tree)


def _try(trees: "Queue[Path]", mutant: Mutant) -> tuple[bool, str, float]:
    """Plant one fault in a tree, run its test, take the fault out again."""
    tree, began = trees.get(), time.monotonic()
    try:
        caught, how = _plant(tree, mutant)
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
        how = _run(tree, mutant["test"])
    finally:
        path.write_text(sound)
    return how is not None, how or f"{mutant['test']} passes; broken is: {mutant['breaks']}"


def _run(tree: Path, test: str) -> str | None:
    """Run one test; return None if it passes, else the line that tells which part failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    try:
        ran = subprocess.run(
            [*command, test],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{test} did not end"
    if ran.returncode == 0:
        return None
    lines = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if ran.returncode != 1 or not lines:  # no test failed: it could not even begin
        raise SystemExit(f"{test} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
    return lines[0][:160]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
