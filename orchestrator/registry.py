"""Which kinds of backend there are: ours, in a list one can read, and those of other packages.

Another package adds a kind with an entry point in the group `orchestrator.backends` that names an
object of type `orchestrator.backend.Kind`.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from orchestrator.backend import Kind
from orchestrator.backends import cloudhpc, drmaatic, local, slurm, sostrades, thecrossproduct

OURS = (
    local.KIND,
    slurm.KIND,
    thecrossproduct.KIND,
    cloudhpc.KIND,
    drmaatic.KIND,
    sostrades.KIND,
)
GROUP = "orchestrator.backends"


@cache  # asked for several times at a start, and the whole of site-packages is searched for it
def kinds() -> Mapping[str, Kind]:
    """Return every kind by its name. Raises TypeError for an entry point that is no kind."""
    found = {kind.name: kind for kind in OURS}
    for point in entry_points(group=GROUP):
        kind = point.load()
        if not isinstance(kind, Kind):
            raise TypeError(f"{point.value} (entry point {point.name!r} of {GROUP}) is no Kind")
        found.setdefault(kind.name, kind)
    return found
