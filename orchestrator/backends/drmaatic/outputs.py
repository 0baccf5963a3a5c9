"""Which files of a run's directory are its outputs. Pure."""

import json
import re
from collections.abc import Collection, Iterable, Sequence

from orchestrator.backend import Output, RejectedError, Run
from orchestrator.backends.drmaatic.model import RunTable
from orchestrator.backends.drmaatic.replies import Record
from orchestrator.core.patterns import any_of, selecting

RECORD = "job.json"  # what the service says of the run, kept beside its outputs
SHOWN = 300  # characters of a name that is left out
LEFT_OUT = "left-out.txt"  # names that no path of a call can hold, and what cannot be read
LONGEST_NAME = 4096  # characters; PATH_MAX of Linux
FILES_MAP = "files.json"  # written by the service: which file of ours has which name there
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ZIP = re.compile(rf"{_UUID}\.zip")


def inputs_of(record: Record) -> set[str]:
    """Return the names, over there, of what was sent with the run."""
    return {*record.files_name, FILES_MAP} if record.files_name else set()


def said_by(record: Record) -> set[str]:
    """Return the names, over there, of what the run said: any run does so, a failed one, too."""
    short = str(record.uuid)[:8]
    return {f"{short}_out.txt", f"{short}_err.txt"}


def outputs_of(
    run: Run, record: Record, names: Sequence[str], unreadable: Collection[str] = ()
) -> list[Output]:
    """Return what is to be fetched, logs included. Raises RejectedError for a pattern that is none.

    The archive that a script made for the service is none unless a pattern asks for archives: what
    it holds lies beside it. Nor is what cannot be asked for by its name, or is `unreadable`: a log
    tells of it.
    """
    left = left_out(names, unreadable)
    there = sorted({name for name in names if _can_be_asked_for(name)} - set(unreadable))
    said = said_by(record)
    logs = [Output(RECORD, log=True), *(Output(one, log=True) for one in there if one in said)]
    if left:
        logs.append(Output(LEFT_OUT, log=True))
    archive = next(filter(_ZIP.fullmatch, there), None)
    if archive is not None and RunTable.model_validate(run.options).take == "zip":
        return [*logs, Output(archive)]
    try:
        chosen = selecting(run.outputs, inputs_of(record))
        wants_archives = any_of(one for one in run.outputs.include or () if one.endswith(".zip"))
    except ValueError as error:
        raise RejectedError(f"outputs: {error}", effect="none") from None
    return logs + [
        Output(one)
        for one in there
        if one not in said and chosen(one) and (one != archive or wants_archives(one))
    ]


def left_out(names: Iterable[str], unreadable: Collection[str] = ()) -> bytes:
    """Return what is told of files that cannot be had, b"" where there are none."""
    lines = [f"{repr(name)[:SHOWN]}\n" for name in names if not _can_be_asked_for(name)]
    lines += [f"{name!r}: the service cannot read it\n" for name in sorted(unreadable)]
    return "".join(lines).encode()


def _can_be_asked_for(name: str) -> bool:
    """Whether a name can be part of a path: the service takes no line break there.

    A name that is longer than any file can have, too, would keep all others from being fetched.
    """
    sound = not {"", ".", ".."} & set(name.split("/")) and "\n" not in name
    return sound and len(name) < LONGEST_NAME


def record_file(record: Record) -> bytes:
    """Return what is kept of the service's record of a run."""
    return (json.dumps(record.facts(), indent=2, ensure_ascii=False) + "\n").encode()
