"""The jobs of the demo of SoSTrades."""

from orchestrator.cli.demo_jobs import DemoJob, Show
from orchestrator.core.lifecycle import Shown

_COST = """\
backend = "sostrades"

[run]
study = 3
values = ["sellar.SellarCoupling.obj", "sellar.SellarCoupling.Report.summary"]

[run.parameters]
"sellar.SellarCoupling.Report.scale" = {scale}
"sellar.SellarCoupling.Report.horizon" = {{ value = 3, unit = "year", type = "int" }}
"""

SMALL = DemoJob(
    "small",
    "a study of coupled disciplines, with values of the job's",
    {"small.toml": _COST.format(scale=1.5)},
)

LARGE = DemoJob(
    "large",
    "the same study with other values: it waits for its turn",
    {"large.toml": _COST.format(scale=250)},
)

NO_LUCK = DemoJob(
    "no-luck",
    "fails over there; the log says why",
    {
        "no-luck.toml": """\
backend = "sostrades"

[run]
study = 1

[run.parameters]
"slow1.Slow.fail" = true
"""
    },
    ends=Shown.FAILED,
)

_SUMMARY = "outputs/values/sellar.SellarCoupling.Report.summary.csv"
SOSTRADES = Show(
    (SMALL, LARGE, NO_LUCK), ((SMALL, _SUMMARY), (LARGE, _SUMMARY), (NO_LUCK, "execution.log"))
)
