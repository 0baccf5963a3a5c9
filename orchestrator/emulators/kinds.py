"""The services that can be emulated."""

from orchestrator.emulators.cloudhpc.kind import KIND as CLOUDHPC
from orchestrator.emulators.drmaatic.kind import KIND as DRMAATIC
from orchestrator.emulators.sostrades.kind import KIND as SOSTRADES
from orchestrator.emulators.thecrossproduct.kind import KIND as THECROSSPRODUCT

KINDS = {kind.name: kind for kind in (CLOUDHPC, DRMAATIC, SOSTRADES, THECROSSPRODUCT)}
