"""The jobs of the demo of DRMAAtic."""

from orchestrator.cli.demo_jobs import DemoJob, Show
from orchestrator.core.lifecycle import Shown

# How many atoms of each element a structure has.
COUNT = """\
awk '/^ATOM/ { n[$NF]++ } END { for (e in n) print e "," n[e] }' data.pdb | sort > elements.csv
"""
WATER = """\
ATOM      1  OW  HOH A   1       0.000   0.000   0.000  1.00  0.00           O
ATOM      2  HW1 HOH A   1       0.957   0.000   0.000  1.00  0.00           H
ATOM      3  HW2 HOH A   1      -0.240   0.927   0.000  1.00  0.00           H
END
"""

ATOMS = DemoJob(
    "atoms",
    "a script of the cluster with its file, proved by what it leaves",
    {
        "atoms/job.toml": """\
backend = "drmaatic"

[run]
task = "shell"
files = { script = "count.sh", data = "water.pdb" }
proof = ["elements.csv"]
""",
        "atoms/count.sh": COUNT,
        "atoms/water.pdb": WATER,
    },
)

NO_MESH = DemoJob(
    "no-mesh",
    "fails over there; what it left is fetched",
    {
        "no-mesh/job.toml": """\
backend = "drmaatic"

[run]
task = "shell"
files = { script = "run.sh" }
""",
        "no-mesh/run.sh": "echo begun > progress.txt\necho 'there is no mesh' >&2\nexit 3\n",
    },
    ends=Shown.FAILED,
)

DRMAATIC = Show(
    (ATOMS, NO_MESH), ((ATOMS, "outputs/elements.csv"), (NO_MESH, "outputs/progress.txt"))
)
