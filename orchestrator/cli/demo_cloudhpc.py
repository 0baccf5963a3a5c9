"""The jobs of the demo of cloudHPC."""

from orchestrator.cli.demo_jobs import DemoJob, Show
from orchestrator.core.lifecycle import Shown

# Deflection of the tip of a steel cantilever, 50 mm by 50 mm: F L³ / 3 E I.
DEFLECTION = """\
#!/bin/sh
awk -F, '
  NR == 1 { print "load_N,length_m,deflection_mm"; next }
  { i = 0.05 ^ 4 / 12; printf "%s,%s,%.3f\\n", $1, $2, 1000 * $1 * $2 ^ 3 / (3 * 210e9 * i) }
' loads.csv > deflection.csv
"""

BEAM = DemoJob(
    "beam",
    "a script with its input file, in a folder over there",
    {
        "beam/job.toml": """\
backend = "cloudhpc"

[run]
script = "custom-script-u24"
cpu = 1
ram = "standard"
""",
        "beam/run.sh": DEFLECTION,
        "beam/loads.csv": "load_N,length_m\n100,1\n500,1\n500,2\n",
    },
)

NO_MESH = DemoJob(
    "no-mesh",
    "fails, which the service calls COMPLETED",
    {
        "no-mesh/job.toml": """\
backend = "cloudhpc"

[run]
script = "custom-script-u24"
cpu = 1
ram = "standard"
""",
        "no-mesh/run.sh": "echo begun > progress.txt\necho 'there is no mesh' >&2\nexit 3\n",
    },
    ends=Shown.FAILED,
)

CLOUDHPC = Show((BEAM, NO_MESH), ((BEAM, "outputs/deflection.csv"), (NO_MESH, "output.log")))
