"""One act under every fault: on all calls that it makes to the service, and on each one alone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from random import Random

from orchestrator.backend import BackendError
from orchestrator.testing.contract.ground import assert_fit_to_show
from orchestrator.testing.contract.place import Place
from orchestrator.testing.contract.playing import forget_all
from orchestrator.testing.contract.service import Service
from orchestrator.testing.contract.submitting import QUICK

Act = Callable[[], Awaitable[object]]


async def struck(
    place: Place,
    service: Service,
    act: Act,
    *,
    more: Iterable[str] = (),
    random: Random | None = None,
    also: tuple[type[Exception], ...] = (),
) -> AsyncIterator[tuple[str, object]]:
    """Do something under every fault; yield the fault and what came of it, maybe an error.

    A fault strikes every call after the login, then one call alone: each of them, the login too,
    or with `random` one that it chooses. Errors other than a backend's are raised, unless they are
    among `also`. What the backend remembers is lost before each, so that no fault is held against
    the next.
    """
    calls = await _count(place, service, act)
    if not calls:
        return
    errors = []
    for fault in [*QUICK, *more]:
        alone = [random.randrange(calls)] if random else range(calls)
        for spec in [fault, *(f"{fault},times=1,skip={n}" for n in alone)]:
            service.put()
            await forget_all(place)
            if spec == fault:  # the login would be all that it strikes
                await place.backend.find(place.run("0", place.bodies.fails(0)))
            service.put(spec)
            try:
                yield spec, await act()
            except BackendError as error:
                errors.append(error)
                yield spec, error
            except also as error:
                yield spec, error
    service.put()
    await forget_all(place)
    assert errors, "no fault showed at all"
    assert_fit_to_show(errors, service)


async def _count(place: Place, service: Service, act: Act) -> int:
    """Return how many calls an act makes when nothing goes wrong, with the login."""
    service.put()
    await forget_all(place)
    before = sum(service.told()["calls"].values())
    await act()
    return int(sum(service.told()["calls"].values()) - before)
