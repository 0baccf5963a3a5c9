"""The programs behind the catalogue: shell scripts, in a folder that administrators would keep.

Each works in the folder of its run. $PAUSE is how long those take that only show something.
"""

from pathlib import Path

# Whatever was asked, on stdout; an upper-case copy of the file; names that are hard to handle;
# and at the end everything in the one archive that `download/` serves.
ECHO_FILE = """\
echo "args: $*"
number=0
for word in "$@"; do number=$((number + 1)); echo "arg[$number]=<$word>"; done
echo "job=$SLURM_JOB_ID account=$SLURM_JOB_ACCOUNT"
ls -la
echo "to stderr" >&2
if [ "$1" = --in ]; then mkdir -p sub/deep; tr a-z A-Z < "$2" > sub/deep/upper.txt; fi
echo '{"ok": true}' > result.json
ln -sf result.json link.json
: > empty.bin
echo outside > ../outside.txt
ln -sf ../outside.txt outside.lnk
mkdir -p "dir with space"
echo hello > "dir with space/ä file.txt"
sleep "$PAUSE"
"$PYTHON" -m zipfile -c packed.tmp *
mv packed.tmp "$(basename "$PWD").zip"
"""
SLEEP = """\
date > started.txt
sleep "${1:-5}"
date > done.txt
"""
FAIL = """\
echo "as far as it went" > partial.txt
exit "${1:-1}"
"""
# The last element is the first to end.
ARRAY = """\
echo "element $SLURM_ARRAY_TASK_ID" > "out_$SLURM_ARRAY_TASK_ID.txt"
[ "$SLURM_ARRAY_TASK_ID" = 4 ] || sleep "$PAUSE"
[ "$SLURM_ARRAY_TASK_ID" != "${1:-none}" ]
"""
SHELL = """\
exec sh "$@"
"""
PROGRAMS = {
    "arr.sh": ARRAY,
    "echo_file.sh": ECHO_FILE,
    "fail.sh": FAIL,
    "shell.sh": SHELL,
    "sleep.sh": SLEEP,
}


def install(folder: Path) -> None:
    """Write the programs into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in PROGRAMS.items():
        (folder / name).write_text(text, "utf-8")
