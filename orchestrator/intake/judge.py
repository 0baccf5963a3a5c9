"""What a claimed drop is: a job, a request, a refusal, or not finished yet.

A function of what lies on the disk, so that a drop that is judged again after a crash comes out the
same; a refusal that was already written down stands.
"""

from dataclasses import dataclass
from typing import Final

from orchestrator.config.home import Home
from orchestrator.core.intake import NewJob, Request
from orchestrator.document import ProblemsError
from orchestrator.intake.inputs import inputs_of
from orchestrator.intake.queue import LeaseOf, ReadSpec
from orchestrator.intake.requests import read_request
from orchestrator.spool import (
    BusyError,
    Claimed,
    Content,
    RefusedError,
    Rules,
    is_request,
    open_drop,
    standing_reason,
)


@dataclass(frozen=True, slots=True)
class Refused:
    """The drop breaks rules: each problem is one line for people."""

    problems: tuple[str, ...]


BUSY: Final = None
"""Somebody still writes to the drop."""

Verdict = NewJob | Request | Refused | None


def judge(
    home: Home, claimed: Claimed, rules: Rules, read_spec: ReadSpec, lease_of: LeaseOf
) -> Verdict:
    """Judge one claimed drop; reads the disk, changes nothing."""
    standing = standing_reason(home, claimed.id, claimed.name)
    if standing is not None:
        return Refused(standing)
    try:
        content = open_drop(home, claimed, rules)
        if is_request(claimed.name):
            return read_request(content, claimed.id)
        return _job(home, claimed, content, read_spec, lease_of)
    except BusyError:
        return BUSY
    except RefusedError as error:
        return Refused(error.problems)
    except ProblemsError as error:
        return Refused(tuple(str(problem) for problem in error.problems))


def _job(
    home: Home, claimed: Claimed, content: Content, read_spec: ReadSpec, lease_of: LeaseOf
) -> NewJob:
    try:
        spec = read_spec(content.text, content.file, default_name=content.stem)
        lease = lease_of(spec)
    except ProblemsError:
        raise
    except Exception as error:  # one odd file must not stop the daemon at each start
        raise RefusedError(
            f"{content.file} meets a fault in orchestrator itself, please report it: {error!r}"
        ) from error
    return NewJob(
        id=claimed.id,
        spec=spec,
        text=content.text,
        file=content.file,
        drop=content.drop,
        uid=content.uid,
        inputs=inputs_of(spec, content, home.state),
        lease=lease,
    )
