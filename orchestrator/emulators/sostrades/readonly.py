"""The files of the read-only mode, written when an execution has finished."""

import json
from pathlib import Path

from orchestrator.emulators.sostrades.executions import RUNNING, Executions
from orchestrator.emulators.sostrades.records import read_only
from orchestrator.emulators.sostrades.studies import Studies

WHOLE, NO_DATA = "loaded_study_case.json", "loaded_study_case_no_data.json"


def path_of(root: Path, study: int, *, no_data: bool) -> Path:
    """Return where a file of a study lies."""
    return root.resolve() / "read-only" / str(study) / (NO_DATA if no_data else WHOLE)


def write(root: Path, studies: Studies, executions: Executions, study: int) -> None:
    """Write both files; the status in them is the one that the study has until they are there."""
    row, execution = studies.get(study), executions.current(study)
    usage = {"cpu": execution["cpu"], "memory": execution["memory"]} if execution else {}
    for no_data in (False, True):
        path = path_of(root, study, no_data=no_data)
        path.parent.mkdir(parents=True, exist_ok=True)
        record = read_only(row, RUNNING, usage, studies.values(study), no_data=no_data)
        path.write_text(json.dumps(record), "utf-8")
