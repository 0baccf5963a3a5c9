"""The jobs of `orchestrator demo`: what people write, and how each should end."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from orchestrator.core.lifecycle import Shown


class DemoJob(NamedTuple):
    """What is dropped (a file, or a folder when there are several), and how it should end."""

    name: str
    shows: str
    files: dict[str, str]
    ends: Shown = Shown.SUCCEEDED
    runs: int = 1


class Show(NamedTuple):
    """The jobs of one demo, and the files of their results that are shown at its end."""

    jobs: tuple[DemoJob, ...]
    files: tuple[tuple[DemoJob, str], ...]


PICTURE = """\
import sys

with open("view.txt") as view:
    left, right, top, bottom, columns, rows = map(float, view.read().split())

def steps(c, z=0j, most=99):
    for n in range(most):
        if abs(z) > 2:
            return n
        z = z * z + c
    return most

with open("mandelbrot.txt", "w") as picture:
    for row in range(int(rows)):
        line = ""
        for column in range(int(columns)):
            x = left + (right - left) * column / columns
            y = top + (bottom - top) * row / rows
            line += " .:-=+*#%@"[min(steps(complex(x, y)) // 3, 9)]
        picture.write(line.rstrip() + "\\n")
print("drawn", file=sys.stderr)
"""

MANDELBROT = DemoJob(
    "mandelbrot",
    "a folder with input files",
    {
        "mandelbrot/job.toml": f"""\
[run]
command = ['{sys.executable}', "draw.py"]

[outputs]
include = ["mandelbrot.txt"]
""",
        "mandelbrot/draw.py": PICTURE,
        "mandelbrot/view.txt": "-2.2 0.8 -1.2 1.2 72 22\n",
    },
)

PRIMES = DemoJob(
    "primes",
    "a script in a single file",
    {
        "primes.toml": '''\
tags = ["demo"]

[run]
script = """
#!/bin/sh
n=2; count=0
while [ $n -lt 1000 ]; do
  d=2; prime=1
  while [ $((d * d)) -le $n ]; do
    [ $((n % d)) -eq 0 ] && prime=0 && break
    d=$((d + 1))
  done
  count=$((count + prime)); n=$((n + 1))
done
echo "$count primes below $n" | tee primes.txt
"""

[limits]
time = "1 min"
'''
    },
)

SECOND_TRY = DemoJob(
    "second-try",
    "fails once, is retried, succeeds",
    {
        "second-try.yaml": """\
run:
  script: |
    #!/bin/sh
    echo "this is run $ORCHESTRATOR_RUN" | tee run.txt
    test "$ORCHESTRATOR_RUN" -ge 2
retry:
  attempts: 3
  delay: 1s
"""
    },
    runs=2,
)

NO_LICENCE = DemoJob(
    "no-licence",
    "fails, and keeps its log",
    {
        "no-licence.json": """\
{
  "run": {"script": "echo reading the mesh\\necho 'no licence for the solver' >&2\\nexit 3\\n"}
}
"""
    },
    ends=Shown.FAILED,
)


def _part(number: int) -> DemoJob:
    text = f'[run]\nscript = "sleep 1; echo part {number} > part.txt"\n'
    return DemoJob(f"part-{number}", "one of two side by side", {f"part-{number}.toml": text})


LOCAL = Show(
    (PRIMES, MANDELBROT, NO_LICENCE, SECOND_TRY, _part(1), _part(2)),
    ((MANDELBROT, "outputs/mandelbrot.txt"), (NO_LICENCE, "stderr")),
)


def write(folder: Path, jobs: Sequence[DemoJob]) -> list[Path]:
    """Write the job files; return what is to be dropped, a file or folder for each job."""
    for job in jobs:
        for name, text in job.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return [folder / Path(next(iter(job.files))).parts[0] for job in jobs]
