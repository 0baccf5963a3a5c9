"""What Slurm's own errors mean, by number or by text: which error of the seam, with what effect.

Source: slurm_errno.h, and slurm_strerror of 22.05. Pure.
"""

from orchestrator.backend import BackendError, Effect, QuotaError, RejectedError, TransientError

UNSAID, REFUSED, UNKNOWN_JOB, NOTHING_FOUND = -1, 1007, 2017, 9003
_REFUSED = {
    2000: "Invalid partition name specified",
    2001: "No partition specified or system default partition",
    2002: "Access/permission denied",
    2003: "User's group not permitted to use this partition",
    2004: "Requested nodes not in this partition",
    2005: "More processors requested than permitted",
    2006: "Node count specification invalid",
    2008: "Job size specification needs to be provided",
    2010: "Invalid user id",
    2012: "Pathname of a file, directory or other parameter too long",
    2014: "Requested node configuration is not available",
    2018: "Invalid node name specified",
    2025: "Task count specification invalid",
    2029: "Invalid feature specification",
    2038: "Job dependency problem",
    2041: "Requested more tasks than available processors",
    2044: "Memory required by task is not available",
    2045: "Invalid account or account/partition combination specified",
    2048: "Invalid license specification",
    2051: "Requested time limit is invalid (missing or exceeds some limit)",
    2052: "Access denied to requested reservation",
    2053: "Requested reservation is invalid",
    2057: "Invalid wckey specification",
    2066: "Invalid qos specification",
    2069: "CPU count specification invalid",
    2072: "Invalid generic resource (gres) specification",
    2081: "Invalid job array specification",
    2102: "Duplicate generic resource (gres) specification",
    2115: "Invalid Trackable RESource (TRES) specification",
    2119: "Invalid GRES specification (with and without type identification)",
    2122: "Requested GRES option unsupported by configured SelectType plugin",
    2127: "Environment is missing in job",
    9001: "Failure during parsing",
}
_LATER = {
    1001: "Communication connection failure",
    1800: "Unable to contact slurm controller (connect failure)",
    2013: "Immediate execution impossible, insufficient priority",
    2015: "Requested partition configuration not available now",
    2016: "Requested nodes are busy",
    2027: "Slurm backup controller in standby mode",
    2037: "Requested operation is presently disabled",
    2056: "Requested reservation not usable now",
    2068: "Required node not available (down, drained or reserved)",
    2070: "Required partition not available (inactive or drain)",
    2101: "Partition in DOWN state",
    2105: "System submissions disabled",
    2131: "Controller is in standby mode, try a different controller",
}
_FULL = {
    2050: "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
    2074: "Requested account has breached requested QOS usage threshold",
}
_NUMBERS = {text: number for table in (_REFUSED, _LATER, _FULL) for number, text in table.items()}


def number_of(text: str) -> int | None:
    """Return the number of the error that a command's words end with."""
    return next((number for said, number in _NUMBERS.items() if text.endswith(said)), None)


def of_submit(number: int | None, text: str) -> BackendError:
    """Return the error of a submit. One that is not known may have left a job behind."""
    if number in _REFUSED:
        return RejectedError(text, effect="none")
    if number in _FULL:
        return QuotaError(text, effect="none")
    if number in _LATER:
        return TransientError(text, effect="none")
    return TransientError(text, effect="possible")


def of_call(text: str, effect: Effect) -> BackendError:
    """Return the error of another call: it is made again."""
    return TransientError(text, effect=effect)
