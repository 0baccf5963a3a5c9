"""What is started for a run: the argument list and the environment."""

import re
from collections.abc import Callable, Mapping

from orchestrator.backend import RejectedError, Run
from orchestrator.backends.local.model import RunTable
from orchestrator.backends.supervisor.processes import KEY_VARIABLE
from orchestrator.core.spec import SecretRef

INHERITED = re.compile(r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR")
PATH = "/usr/local/bin:/usr/bin:/bin"  # for a daemon that was started without one


def arguments(table: RunTable, script: str) -> list[str]:
    """Return the argument list; `script` is where the text of a script was written.

    The interpreter in a script's first line is called as the kernel would call it, so that a
    script runs from a file system mounted noexec as well.
    """
    if table.command is not None:
        return list(table.command)
    first = (table.script or "").partition("\n")[0]
    if not first.startswith("#!"):
        return ["/bin/sh", script]
    words = re.split(r"[ \t]+", first[2:].strip(" \t"), maxsplit=1)
    return [*words, script]


def environment(
    run: Run, table: RunTable, daemon: Mapping[str, str], secret: Callable[[str], str]
) -> dict[str, str]:
    """Return the environment of a run; raise RejectedError for a secret that cannot be had."""
    ours = {
        "ORCHESTRATOR_JOB": run.job_id,
        "ORCHESTRATOR_JOB_NAME": run.job_name,
        "ORCHESTRATOR_RUN": str(run.number),
        KEY_VARIABLE: run.key,
    }
    inherited = {name: value for name, value in daemon.items() if INHERITED.fullmatch(name)}
    chosen = {name: _value(name, value, secret) for name, value in table.env.items()}
    return {"PATH": PATH, **inherited, **chosen, **ours}


def _value(name: str, value: str | SecretRef, secret: Callable[[str], str]) -> str:
    if isinstance(value, str):
        return value
    try:
        found = secret(value.secret)
    except LookupError as error:
        why = error.args[0] if error.args else "not found"
        raise RejectedError(
            f"run.env.{name}: the secret {value.secret!r} cannot be had: {why}", effect="none"
        ) from None
    if "\0" in found:
        raise RejectedError(
            f"run.env.{name}: the secret {value.secret!r} holds a NUL character", effect="none"
        )
    return found
