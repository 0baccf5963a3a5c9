"""The batch script of a run: it marks its start, runs what the job says, and notes how that ended.

All of it is POSIX shell with coreutils, for whatever a node has. What it writes into the run's
folder is read by `marks`. Pure.
"""

from collections.abc import Sequence
from shlex import quote

NO_FOLDER, NOT_AGAIN, NO_MARK = 72, 73, 74  # exit codes of the script itself
STARTED, EXIT, AGAIN = "started", "exit", "again"
MARK = "job"  # in the folder `started`

_TEXT = """\
#!/bin/sh
# The run {key}, written by orchestrator.
run={run}
task=${{SLURM_ARRAY_TASK_ID:+.$SLURM_ARRAY_TASK_ID}}
job=${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}
me=$SLURM_JOB_ID.${{SLURM_RESTART_COUNT:-0}}
theirs=$PATH
PATH=$PATH:/usr/bin:/bin  # for what this script itself needs
unset SLURM_EXPORT_ENV  # else srun would hand nothing of the environment on

cd "$run" || {{
    echo "orchestrator: this node does not see $run" >&2
    exit {no_folder}
}}

# Who puts the marker in place runs; it is one rename, of a folder that has its content already.
mine="{{\\"job\\": $job, \\"start\\": \\"$me.$(hostname).$$\\"}}"
mkdir ".started$task.$me" && echo "$mine" > ".started$task.$me/{mark}" || {{
    echo "orchestrator: the start cannot be marked in $run" >&2
    exit {no_mark}
}}
mv -T ".started$task.$me" "{started}$task" 2> /dev/null
if [ "$(cat "{started}$task/{mark}")" != "$mine" ]; then
    echo "$mine" >> "{again}$task"
    echo "orchestrator: this run was started before: nothing is done a second time" >&2
    rm -rf ".started$task.$me"
    exit {not_again}
fi

caught=
trap 'caught=TERM' TERM
cd {cwd} && PATH=$theirs {command} < /dev/null > "$run/stdout$task" 2> "$run/stderr$task"
code=$?
end="{{\\"code\\": $code, \\"caught\\": \\"$caught\\", \\"job\\": $job}}"
echo "$end" > "$run/.exit$task.$me" && mv -f "$run/.exit$task.$me" "$run/{exit}$task" ||
    echo "orchestrator: how it ended, $end, cannot be written to $run" >&2
exit $code
"""


def batch_script(key: str, folder: str, cwd: str, command: Sequence[str]) -> str:
    """Return the script; `folder` is the run's, `cwd` an absolute path, `command` the arguments."""
    return _TEXT.format(
        key=key,
        run=quote(folder),
        cwd=quote(cwd),
        command=" ".join(map(quote, command)),
        started=STARTED,
        exit=EXIT,
        again=AGAIN,
        mark=MARK,
        no_folder=NO_FOLDER,
        not_again=NOT_AGAIN,
        no_mark=NO_MARK,
    )
