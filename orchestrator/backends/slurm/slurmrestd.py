"""The way in by slurmrestd: HTTP with a token, or a unix socket that knows us."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from anyio import Lock
from pydantic import JsonValue

from orchestrator.backend import AuthError, BackendError, ProtocolError, TransientError
from orchestrator.backends.http import Ask, Door, Reply, Use
from orchestrator.backends.slurm import dialects, failing
from orchestrator.backends.slurm.values import Job, Order, Partition

BAD, NOT_FOUND = 400, 404
LARGEST = 256 << 20  # bytes of a list of jobs
AT_ONCE = 200  # numbers of jobs in one question to accounting


class Slurmrestd:
    """Calls of slurmrestd, in the highest version of its API that both sides know."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._known: int | None = None
        self._asking = Lock()

    async def submit(self, order: Order) -> int:
        """Submit a job."""
        version = await self._version(Use.SUBMIT)
        body = dialects.submission(order, version)
        ask = Ask("POST", f"slurm/v0.0.{version}/job/submit", Use.SUBMIT, json=body, reads=False)
        tree = _tree(await self._door.call(ask))
        number = dialects.number(tree.get("job_id"))
        if not number:
            raise _fault(tree, failing.of_submit) or ProtocolError("slurmrestd named no job")
        return number

    async def jobs(self, use: Use) -> Sequence[Job]:
        """Return all jobs that the controller shows us; those of others are among them."""
        tree = _sound(await self._get("slurm", "jobs", use))
        return [_read(dialects.listed, row) for row in _rows(tree, "jobs")]

    async def past(
        self, use: Use, *, ids: Collection[int] = (), name: str = ""
    ) -> Sequence[Job] | None:
        """Ask accounting, through slurmrestd: where a cluster has none, neither has that."""
        found: list[Job] = []
        numbers = [str(one) for one in sorted(ids)]
        shares = [numbers[at : at + AT_ONCE] for at in range(0, len(numbers), AT_ONCE)]
        wanted = [{"step": ",".join(share)} for share in shares]
        if name:
            wanted = [{"job_name": name}]
        for params in wanted:
            reply = await self._get("slurmdb", "jobs", use, params | {"skip_steps": "true"})
            if reply.status == NOT_FOUND:
                return None
            found += [_read(dialects.accounted, row) for row in _rows(_sound(reply), "jobs")]
        return found

    async def cancel(self, job: int) -> None:
        """Ask for a job's end."""
        version = await self._version(Use.CANCEL)
        ask = Ask("DELETE", f"slurm/v0.0.{version}/job/{job}", Use.CANCEL, reads=False)
        tree = _tree(await self._door.call(ask))
        if _number(tree) != failing.UNKNOWN_JOB and (error := _fault(tree, _of_cancel)):
            raise error

    async def partitions(self, use: Use) -> Sequence[Partition]:
        """Return what the cluster offers."""
        tree = _sound(await self._get("slurm", "partitions", use))
        return [_read(dialects.offered, row) for row in _rows(tree, "partitions")]

    async def version(self, use: Use) -> str:
        """Return version and release."""
        number = await self._version(use)
        tree = _tree(await self._door.call(_ping(number, use)))
        meta: Any = tree.get("meta") or {}
        slurm = meta.get("Slurm") or meta.get("slurm") or {}
        return f"slurmrestd of Slurm {slurm.get('release', '?')}, by its API v0.0.{number}"

    async def _version(self, use: Use) -> int:
        """Return the highest version that both sides know; it is asked for once."""
        async with self._asking:
            if self._known is None:
                for number in dialects.VERSIONS:
                    if (await self._door.call(_ping(number, use))).status != NOT_FOUND:
                        self._known = number
                        break
                else:
                    known = ", ".join(f"v0.0.{number}" for number in dialects.VERSIONS)
                    text = f"slurmrestd serves none of {known}; check `rest` of this backend"
                    raise TransientError(text, effect="none")
        return self._known

    async def _get(
        self, side: str, what: str, use: Use, params: Mapping[str, str] | None = None
    ) -> Reply:
        path = f"{side}/v0.0.{await self._version(use)}/{what}"
        missing = {NOT_FOUND} if side == "slurmdb" else set[int]()
        ask = Ask("GET", path, use, params=params, reads=True, cap=LARGEST, expect=missing)
        return await self._door.call(ask)


def reading(ask: Ask, reply: Reply, said: Callable[[], str]) -> BackendError | Reply | None:
    """Return the error that a reply means; None where HTTP itself tells enough.

    slurmrestd answers 500 to whatever fails: to a job that nobody knows, too, and in the same words
    where it does not reach the controller and where a token is refused.
    """
    try:
        tree = _tree(reply)
    except ProtocolError:
        return None
    if reply.status < BAD:
        return None
    number, text = _number(tree), f"{reply.source} answered {reply.status}: {said()}"
    if number == failing.UNKNOWN_JOB:
        return reply
    if number == failing.REFUSED:
        return AuthError(f"{text}; check `user` and `token` of this backend", effect="none")
    if number == failing.UNSAID:
        text += ": it does not reach the controller, or `token` was refused; it says no more"
    return (
        failing.of_submit(number, text)
        if ask.method == "POST"
        else failing.of_call(text, ask.effect)
    )


def _ping(version: int, use: Use) -> Ask:
    return Ask("GET", f"slurm/v0.0.{version}/ping", use, reads=True, expect={NOT_FOUND})


def _tree(reply: Reply) -> Mapping[str, Any]:
    tree: JsonValue = reply.json()
    if not isinstance(tree, dict):
        raise ProtocolError(f"{reply.source} answered with no object", effect=reply.effect)
    return tree


def _sound(reply: Reply) -> Mapping[str, Any]:
    tree = _tree(reply)
    if _number(tree) != failing.NOTHING_FOUND and (error := _fault(tree, _of_reading)):
        raise error
    return tree


def _rows(tree: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = tree.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProtocolError(f"slurmrestd answered without {key}", effect="none")
    return rows


def _read(reader: Callable[[Mapping[str, Any]], Any], row: Mapping[str, Any]) -> Any:
    try:
        return reader(row)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = f"slurmrestd answered with a row that is not understood: {error!r}"
        raise ProtocolError(text, effect="none") from None


def _errors(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = tree.get("errors")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(tree: Mapping[str, Any]) -> int | None:
    for one in _errors(tree):
        for key in ("error_number", "error_code"):
            if isinstance(one.get(key), int):
                return int(one[key])
    return None


def _fault(
    tree: Mapping[str, Any], of: Callable[[int | None, str], BackendError]
) -> BackendError | None:
    errors = _errors(tree)
    if not errors:
        return None
    told = (str(one.get("description") or one.get("error") or "") for one in errors)
    return of(_number(tree), "slurmrestd: " + "; ".join(filter(None, told)))


def _of_cancel(_: int | None, text: str) -> BackendError:
    return failing.of_call(text, "possible")


def _of_reading(_: int | None, text: str) -> BackendError:
    return failing.of_call(text, "none")
