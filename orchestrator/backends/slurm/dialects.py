"""How the versions of slurmrestd's API write what is sent and answered. Pure.

v0.0.36 to v0.0.38 are plain; from v0.0.39 on a number may be {set, infinite, number}, and from
v0.0.40 on a state is a list of words. Sources: the descriptions that slurmrestd 22.05 serves, and
those of 23.02 to 24.05 that SchedMD publishes; only the former were tried.
"""

from collections.abc import Mapping
from os import WEXITSTATUS, WTERMSIG
from typing import Any

from pydantic import JsonValue

from orchestrator.backends.slurm.values import Job, Order, Partition

VERSIONS = (41, 40, 39, 38, 37, 36)  # the highest first
STRUCTURED = 39  # from here on
SCRIPT_IN_JOB, GRES_BY_SLASH = 40, 40


def submission(order: Order, version: int) -> dict[str, JsonValue]:
    """Return the body of a submit."""
    wants, structured = order.wants, version >= STRUCTURED
    given: dict[str, Any] = {
        "name": order.name,
        "comment": order.comment,
        "current_working_directory": order.folder,
        "standard_output": order.log,
        "open_mode": ["APPEND"] if structured else "append",
        "environment": dict(order.environment),
        "partition": wants.partition,
        "account": wants.account,
        "qos": wants.qos,
        "reservation": wants.reservation,
        "constraints": wants.constraint,
        "time_limit": _number(wants.time, structured=structured),
        "nodes": list(wants.nodes) if wants.nodes else None,
        "tasks": wants.ntasks,
        "cpus_per_task": wants.cpus_per_task,
        "memory_per_node": _number(wants.mem, structured=structured),
        "array": wants.array,
    }
    if structured:
        given["requeue"] = False
        given["environment"] = [f"{name}={value}" for name, value in order.environment.items()]
        given["nodes"] = "-".join(map(str, wants.nodes)) if wants.nodes else None
    else:
        given["no_requeue"] = True  # not in its description; `requeue` means yes, whatever it is
    if wants.gres and structured:
        sign = "/" if version >= GRES_BY_SLASH else ":"
        given["tres_per_node"] = ",".join(f"gres{sign}{one}" for one in wants.gres.split(","))
    else:
        given["gres"] = wants.gres
    job = {key: value for key, value in given.items() if value is not None}
    if version >= SCRIPT_IN_JOB:
        return {"job": job | {"script": order.script}}
    return {"script": order.script, "job": job}


def _number(value: int | None, *, structured: bool) -> JsonValue:
    return (
        {"set": True, "infinite": False, "number": value}
        if structured and value is not None
        else value
    )


def listed(row: Mapping[str, Any]) -> Job:
    """Return a row of the controller's list."""
    array, task = number(row.get("array_job_id")), number(row.get("array_task_id"))
    code, signal = _ended(row.get("exit_code"))
    together = str(row.get("array_task_string") or "").partition("%")[0]
    return Job(
        run=array or int(row["job_id"]),
        name=str(row.get("name") or ""),
        states=states(row.get("job_state")),
        task="" if not array else together if task is None else str(task),
        comment=str(row.get("comment") or ""),
        reason=_reason(row.get("state_reason")),
        code=code,
        signal=signal,
    )


def accounted(row: Mapping[str, Any]) -> Job:
    """Return a row of accounting. 22.05 says of a failure that it ended with 0: that is no code."""
    told = row.get("array") or {}
    array, task = number(told.get("job_id")), number(told.get("task_id"))
    state = row.get("state") or {}
    words = states(state.get("current"))
    code, signal = _ended(row.get("exit_code"))
    if code == 0 and words[:1] != ("COMPLETED",):
        code = None
    by = row.get("kill_request_user")
    return Job(
        run=array or int(row["job_id"]),
        name=str(row.get("name") or ""),
        states=words,
        task="" if not array else str(told.get("task") or "") if task is None else str(task),
        comment=str((row.get("comment") or {}).get("job") or ""),
        reason=_reason(state.get("reason")),
        code=code,
        signal=signal,
        by=f"user {by}" if by else "",
    )


def offered(row: Mapping[str, Any]) -> Partition:
    """Return a partition, in the words of any version."""
    most, accounts, qos = (_table(row, key) for key in ("maximums", "accounts", "qos"))
    nodes, cpus, inner = (_table(row, key) for key in ("nodes", "cpus", "partition"))
    flags = [str(flag).lower() for flag in row.get("flags") or ()]
    state = states(inner.get("state") or row.get("state"))
    return Partition(
        name=str(row["name"]),
        state="+".join(state),
        is_default="default" in flags,
        time=_limit(most.get("time", row.get("max_time_limit"))),
        nodes=_limit(nodes.get("total", row.get("total_nodes"))),
        most_nodes=_limit(most.get("nodes", row.get("maximum_nodes_per_job"))),
        cpus=_limit(cpus.get("total", row.get("total_cpus"))),
        cpus_per_node=_limit(most.get("cpus_per_node", row.get("maximum_cpus_per_node"))),
        mem=_limit(row.get("maximum_memory_per_node")),
        accounts=_names(accounts.get("allowed", row.get("allowed_accounts"))),
        no_accounts=_names(accounts.get("deny", row.get("denied_accounts"))) or frozenset(),
        qos=_names(qos.get("allowed", row.get("allowed_qos"))),
        no_qos=_names(qos.get("deny", row.get("denied_qos"))) or frozenset(),
    )


def number(value: Any) -> int | None:
    """Return a number in the words of any version; None for one that is not set, or infinite."""
    if isinstance(value, Mapping):
        value = value.get("number") if value.get("set") and not value.get("infinite") else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def states(value: Any) -> tuple[str, ...]:
    """Return the words for a state, the main one first."""
    words = value if isinstance(value, list) else [value or ""]
    return tuple(word for word in (str(it).partition(" ")[0] for it in words) if word)


def _ended(value: Any) -> tuple[int | None, int | None]:
    """Return exit code and signal: of a raw wait status, or of a table."""
    if isinstance(value, Mapping):
        signal = value.get("signal") or {}
        found = number(signal.get("id", signal.get("signal_id")))
        return number(value.get("return_code")), found or None
    if number(value) is None:
        return None, None
    return WEXITSTATUS(value), WTERMSIG(value) or None


def _limit(value: Any) -> int | None:
    found = number(value)
    return found if found is not None and found > 0 else None


def _names(value: Any) -> frozenset[str] | None:
    words = value if isinstance(value, list) else str(value or "").split(",")
    found = frozenset(str(word) for word in words if word and word != "ALL")
    return found or None


def _table(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = row.get(key)
    return value if isinstance(value, Mapping) else {}


def _reason(value: Any) -> str:
    return "" if value in {None, "None", ""} else str(value)
