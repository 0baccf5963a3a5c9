"""From a file in the spool to a job in the queue, and from a request file to its effect."""

from orchestrator.intake.intake import Intake
from orchestrator.intake.queue import LeaseOf, Queue, ReadSpec, Report

__all__ = ["Intake", "LeaseOf", "Queue", "ReadSpec", "Report"]
