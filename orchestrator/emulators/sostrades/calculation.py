"""A calculation: `python -m … REQUEST` in the folder where its results shall lie.

It ends with 0, or with 1 if it has failed; any other end was not its own.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from orchestrator.emulators.sostrades.logbook import STUDY_MANAGER, Logbook
from orchestrator.emulators.sostrades.models import MODELS
from orchestrator.emulators.sostrades.values import fits

RESULTS = "results.json"
BEFORE = (  # what the server's part says first
    "Adding application logger handler",
    "Configuring logger",
    "DEVELOPMENT environment configuration loaded",
)
ROUNDS = 3  # of configuring


def main(request: Path) -> int:
    """Compute what a request says, write the log beside it; return how it went."""
    wanted = json.loads(request.read_text("utf-8"))
    name = wanted["name"]
    log = Logbook(Path(wanted["log"]), wanted["study"], os.getpid())
    begun = time.monotonic()
    _configure(log, wanted)
    log.engine(f"Study {name} starts...", STUDY_MANAGER)
    log.engine(f"PROCESS EXECUTION {name} STARTS...")
    try:
        results = execute(log, wanted)
    except Exception as error:  # noqa: BLE001 - whatever a model raises is told in the log
        took = time.monotonic() - begun
        log.engine(f"Study {name} execution time on error : {took} seconds", STUDY_MANAGER)
        log.thread(f"The following exception occurs during execution.\n{error}", "ERROR")
        log.plain(traceback.format_exc().rstrip())
        return 1
    log.engine(f"PROCESS EXECUTION {name} ENDS.")
    log.engine("Storing local data in datamanager.")
    took = time.monotonic() - begun
    log.engine(f"Study {name} execution time : {took} seconds", STUDY_MANAGER)
    log.engine(f"Study {name} done.", STUDY_MANAGER)
    written = Path(f"{RESULTS}.new")
    written.write_text(json.dumps(results), "utf-8")
    written.rename(RESULTS)
    return 0


def execute(log: Logbook, wanted: dict[str, Any]) -> dict[str, Any]:
    """Check all inputs, then compute; return the outputs. Raises ValueError, and what models do."""
    log.engine("Updating from DM.")
    faults = [text for it in wanted["inputs"] for text in _wrong(wanted["name"], it)]
    if faults:
        raise ValueError("\n".join(faults))
    log.engine("Preparing execution.")
    log.engine("Executing.")
    values = {it["name"]: it["value"] for it in wanted["inputs"]}
    return MODELS[wanted["process"]](values, log.plain)


def _configure(log: Logbook, wanted: dict[str, Any]) -> None:
    for text in BEFORE:
        log.server("base_server", text)
    took = time.process_time()
    log.server("base_server", f"Time elapsed since python beginning: {took:.2f} seconds")
    for number in range(ROUNDS):
        log.engine(f"Configuring loop iteration {number}.")
        log.engine("Configuring IO...")
    log.engine("Updating from DM.")
    whole = f"{wanted['repository']}.{wanted['process']}.{wanted['name']}"
    log.engine(f"Study {whole} loading time : {took} seconds", STUDY_MANAGER)


def _wrong(study: str, it: dict[str, Any]) -> list[str]:
    """Return what is wrong with an input, in the words of the service."""
    value, limits, possible = it["value"], it["range"], it["possible"]
    said = ""
    if value is None:
        said = "" if it["optional"] else "Value is not set!"
    elif not fits(value, it["type"]):
        said = f"Value {value} has not the type specified in datamanager which is {it['type']}"
    elif limits and not limits[0] <= value <= limits[1]:
        said = f"Value {value} is not in range {limits}"
    elif possible and value not in possible:
        said = f"Value {value} not in *possible values* {possible}"
    return [f"Variable {study}.{it['name']} : \n\t{said}"] if said else []


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
