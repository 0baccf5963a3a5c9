"""Simulations: every endpoint below /simulation. Source: the vendor's API v2."""

from typing import Literal

from pydantic import JsonValue

from orchestrator.backend import ProtocolError
from orchestrator.backends.cloudhpc.calls import WORDY, Calls
from orchestrator.backends.cloudhpc.replies import Number, Simulation, Simulations, Words
from orchestrator.backends.http import Use
from orchestrator.backends.http.typed import read

Order = Literal["asc", "desc"]
Signal = Literal["SIGTSTP", "SIGINT"]
"""A soft stop, which takes minutes and keeps the results; a hard one, which deletes them."""

_ONE = "simulation"


async def cpus(calls: Calls, use: Use) -> list[str]:
    """Return the numbers of vCPUs that can be had."""
    return await _choices(calls, "cpu", use)


async def rams(calls: Calls, use: Use) -> list[str]:
    """Return the kinds of machine that can be had."""
    return await _choices(calls, "ram", use)


async def scripts(calls: Calls, use: Use) -> list[str]:
    """Return the scripts that can be run."""
    return await _choices(calls, "scripts", use)


async def _choices(calls: Calls, what: str, use: Use) -> list[str]:
    found = await calls.get(f"simulation/view-{what}", use)
    return [str(one) for one in read(Words, found, "list of choices")]


async def add(
    calls: Calls,
    *,
    cpu: int,
    ram: str,
    script: str,
    folder: str,
    mesh: str | int | None,
    spot: bool,
) -> int:
    """Start a simulation in a folder of the storage; return its id. It costs money."""
    body: dict[str, JsonValue] = {"cpu": cpu, "ram": ram, "script": script, "folder": folder}
    body |= {} if mesh is None else {"mesh": mesh}
    body |= {"nopre": 0 if spot else 1}
    found = await calls.tell("POST", "simulation/add", Use.SUBMIT, body)
    return read(Number, found, "id", "possible")


async def view_short(calls: Calls, id_: int, use: Use) -> Simulation:
    """Return a simulation without its output. An unknown id is TransientError: see `calls`."""
    return _same(id_, read(Simulation, await calls.get(f"simulation/view-short/{id_}", use), _ONE))


async def is_known(calls: Calls, id_: int, use: Use) -> bool:
    """Whether the service shows a simulation by its id."""
    return await calls.known("GET", f"simulation/view-short/{id_}", use) is not None


async def view(calls: Calls, id_: int, use: Use) -> Simulation:
    """Return a simulation with its output and logs. An unknown id is TransientError."""
    found = await calls.get(f"simulation/view/{id_}", use, cap=WORDY)
    return _same(id_, read(Simulation, found, _ONE))


async def page(
    calls: Calls, number: int, use: Use, *, field: str = "id", order: Order = "desc"
) -> list[Simulation]:
    """Return a page (1, 2, …) of all simulations of the account; [] past the end.

    Raises ProtocolError when it is asked for by id and not in that order.
    """
    found = await calls.get(f"simulation/index-short/{field}/{order}/{number}", use)
    rows = read(Simulations, found, "list of simulations")
    ids = [row.id for row in rows]
    if field == "id" and ids != sorted(set(ids), reverse=order == "desc"):
        text = "the list of simulations is not in order of their ids"
        raise ProtocolError(text, effect="none")
    return rows


async def stop(calls: Calls, id_: int, signal: Signal, use: Use) -> None:
    """Ask for a simulation's end."""
    await calls.tell("PUT", f"simulation/stop/{id_}", use, {"signal": signal})


async def sync(calls: Calls, id_: int, use: Use) -> None:
    """Have the results so far of a running simulation brought to the storage; it takes a while."""
    await calls.tell("PUT", f"simulation/sync/{id_}", use)


def _same(id_: int, found: Simulation) -> Simulation:
    """Refuse the record of another simulation than was asked for."""
    if found.id != id_:
        text = f"asked for simulation {id_}, the service answered with another"
        raise ProtocolError(text, effect="none")
    return found
