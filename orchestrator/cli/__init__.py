"""The command `orchestrator`: words to calls to print. This is its outermost handler.

Exit codes, for scripts:
0 done; 1 the answer is bad news (findings, a job that failed, a request that was refused, a spec
with problems); 2 it could not be asked like this (unknown option or job, no home, a queue that
cannot be read); 130 interrupted; 141 nobody read the output any more. `serve` adds 75 (another
daemon has the home) and 78 (the configuration or the queue's schema is wrong); `remote` and `fetch`
add 75 (not now, try again later), 76 (an answer that was not understood) and 77 (no access).
"""

import os
import sys
from collections.abc import Sequence

import click

from orchestrator.cli.app import app

INTERRUPTED = 130
NOBODY_READS = 141


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    _fill_standard_streams()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code. Foreseeable faults are said on stderr."""
    try:
        with app.make_context("orchestrator", list(arguments)) as context:
            code: int | None = app.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:  # --help and --version
        code = done.exit_code
    except click.ClickException as fault:
        fault.show()
        code = fault.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        code = NOBODY_READS
    except OSError as error:
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        click.echo(f"orchestrator: {place}{error.strerror or error}", err=True)
        _discard_output()
        code = 2
    return code or 0


def _fill_standard_streams() -> None:
    """Make stdin, stdout and stderr exist, and able to print any text.

    Where the caller closed one, a file of ours would get its number, and output would go there.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest free number: this one
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w"))
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Point stdout at nothing, so that the interpreter's last flush cannot fail again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)
