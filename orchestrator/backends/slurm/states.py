"""Slurm's words for how a job stands. Pure.

Source: squeue(1), section JOB STATE CODES, and slurm.h, of 22.05 to 24.05.
"""

from orchestrator.backends.slurm.values import Job

LIVE = frozenset(
    {
        "PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_FED",
        "REQUEUE_HOLD", "RESIZING", "RESV_DEL_HOLD", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT",
        "STOPPED", "POWER_UP_NODE", "LAUNCH_FAILED", "RECONFIG_FAIL", "UPDATE_DB", "EXPEDITING",
    }
)  # fmt: skip
CAUSES = {
    "CANCELLED": "cancelled",
    "TIMEOUT": "stopped by Slurm at its time limit",
    "OUT_OF_MEMORY": "killed for want of memory",
    "NODE_FAIL": "its node failed",
    "PREEMPTED": "preempted by Slurm for another job",
    "BOOT_FAIL": "its node did not boot",
    "DEADLINE": "stopped by Slurm, since it could not end before its deadline there",
}
"""How a run may end other than by itself. REVOKED is none: another cluster runs it."""
OWN = frozenset({"COMPLETED", "FAILED"})
"""Its script has ended by itself."""


def is_live(job: Job) -> bool:
    """Whether a job is not at its end. One that completes, is not: its processes may still run."""
    return any(word in LIVE for word in job.states)


def is_over(job: Job) -> bool:
    """Whether a job's script is over; where it completes, its end is not noted yet."""
    return not is_live(job) or "COMPLETING" in job.states


def is_end(job: Job) -> bool:
    """Whether a job is at its end. A word that nobody knows is none."""
    return not is_live(job) and (job.state in OWN or job.state in CAUSES)


def told(job: Job) -> str:
    """Return a job's state with its reason, in Slurm's words."""
    reason = "" if job.reason in {"", "None", "(null)"} else f" ({job.reason})"
    return ", ".join(job.states) + reason
