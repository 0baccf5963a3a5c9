"""due → act → decide → write, in bounded concurrency; a restart is one more turn."""

from orchestrator.engine.loop import Engine
from orchestrator.engine.tools import Place, Tools

__all__ = ["Engine", "Place", "Tools"]
