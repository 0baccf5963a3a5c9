"""Plant every small fault that mutmut knows in core/: `python tests/core_mutants.py [MODULE …]`.

The tree is copied to a temporary folder; there mutmut runs the everyday tests of core against each
fault. One that survives must stand in `core/equivalent.toml`, with the reason why no test can tell
it from the sound program. Ends with 1 on one that does not stand there, and on a reason that fits
no survivor any more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests/core/equivalent.toml"
CORE = "orchestrator.core."
MUTMUT = Path(sys.executable).with_name("mutmut")
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "mutants", "build", "dist", "*.egg-info")
CAUGHT = {"killed", "timeout"}  # a fault that makes a test hang is caught, too


class Fault(NamedTuple):
    """One change of the source: in which function, and the lines taken out and put in."""

    function: str
    diff: tuple[str, ...]


def main(modules: list[str]) -> int:
    """Plant every fault of the named modules, or of all; return the exit code."""
    explained = {fault for fault in explanations() if not modules or _module(fault) in modules}
    with tempfile.TemporaryDirectory(prefix="orchestrator-mutants-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        chosen = tuple(f"{CORE}{module}." for module in modules) or (CORE,)
        _mutmut(tree, "run", *(f"{prefix}*" for prefix in chosen))
        fates = {name: fate for name, fate in _fates(tree) if name.startswith(chosen)}
        survivors = {
            name: _fault(name, _mutmut(tree, "show", name))
            for name, fate in fates.items()
            if fate not in CAUGHT
        }
    unexplained, outdated = judge(survivors.values(), explained)
    for name, fault in survivors.items():
        if fault in unexplained:
            _say(f"\n{fates[name].upper()}  {name}", *fault.diff)
    for fault in outdated:
        _say(f"\nEXPLAINED, BUT NO SURVIVOR  {fault.function}", *fault.diff)
    killed = len(fates) - len(survivors)
    known = len(survivors) - unexplained.total()
    _say(
        f"{len(fates)} mutants of core: {killed} killed, {known} explained,"
        f" {unexplained.total()} unexplained; {len(outdated)} explanations that fit nothing"
    )
    return 1 if unexplained or outdated or not killed else 0


def judge(survivors: Iterable[Fault], explained: set[Fault]) -> tuple[Counter[Fault], set[Fault]]:
    """Return the survivors that no explanation fits, and the explanations that fit no survivor."""
    found = Counter(survivors)
    unexplained = Counter({fault: n for fault, n in found.items() if fault not in explained})
    return unexplained, explained - found.keys()


def explanations() -> list[Fault]:
    """Return the faults of the table, which holds no numbers of mutmut's: they change."""
    table = tomllib.loads(TABLE.read_text())["mutant"]
    return [Fault(row["function"], _changed(row["diff"])) for row in table if row["why"].strip()]


def _fates(tree: Path) -> Iterable[tuple[str, str]]:
    """Yield the name of each fault, and what became of it."""
    for line in _mutmut(tree, "results", "--all", "true").splitlines():
        name, colon, fate = line.strip().rpartition(": ")
        if colon and name.startswith(CORE):
            yield name, fate


def _fault(name: str, diff: str) -> Fault:
    """Read `orchestrator.core.names.xǁ_Foldersǁplace__mutmut_13` as `names._Folders.place`."""
    module, _, mangled = name.removeprefix(CORE).partition(".")
    words = mangled.rpartition("__mutmut_")[0].removeprefix("x_").removeprefix("xǁ").split("ǁ")
    return Fault(".".join([module, *words]), _changed(diff))


def _changed(diff: str) -> tuple[str, ...]:
    """Return the lines taken out and put in, whatever their indentation."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    return tuple(f"{line[0]} {line[1:].strip()}" for line in lines if line.startswith(("-", "+")))


def _module(fault: Fault) -> str:
    return fault.function.partition(".")[0]


def _mutmut(tree: Path, *arguments: str) -> str:
    """Run mutmut in a tree; return what it printed, and raise SystemExit if it cannot work."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [MUTMUT, *arguments],
        cwd=tree,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise SystemExit(f"mutmut {' '.join(arguments)} failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
