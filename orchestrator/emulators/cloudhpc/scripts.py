"""The scripts: which there are, and the program that does the work of those that are emulated."""

import shutil
from pathlib import Path

CPUS = (1, 2, 4, 8, 16, 32, 48, 64, 96, 112, 192, 224)
RAMS = ("highcpu", "standard", "highmem", "hypercpu", "basegpu", "highcore", "hypercore")
CUSTOM, CALCULIX, STATIC = "custom-script", "calculiX", "-static"
SCRIPTS = (
    "fds6.9.1",
    "openFoam-v2406",
    "calculiX-2.21-PARDISO",
    "calculiX-2.22",
    "codeAster-17.0_mpi",
    "SU2_CFD8.3.0",
    "custom-script-u24",
    "ubuntu-2404-static",
)


class ScriptError(Exception):
    """Nothing can be run; the text is what the output says."""


def command(script: str, folder: Path) -> list[str]:
    """Return the program that a script is, for a folder of inputs. Raises ScriptError."""
    if script.startswith(CUSTOM):
        return ["/bin/sh", f"./{_first(folder, '.sh')}"]
    if script.startswith(CALCULIX):
        deck = _first(folder, ".inp")
        if len(list(folder.glob("*.inp"))) > 1:
            raise ScriptError("several .inp files in the folder, where one is expected")
        program = shutil.which("ccx")
        if program is None:
            raise ScriptError(f"{script} needs ccx, which this machine does not have")
        return [program, deck.removesuffix(".inp")]
    if script.endswith(STATIC):
        return ["/bin/sleep", "infinity"]
    raise ScriptError(f"{script} is not emulated")


def _first(folder: Path, ending: str) -> str:
    names = sorted(it.name for it in folder.glob(f"*{ending}") if it.is_file())
    if not names:
        raise ScriptError(f"no {ending} file in the folder")
    return names[0]
