"""Chores at times that come again: copies of the queue, checks. The one door of apscheduler."""

from orchestrator.upkeep.rounds import run_upkeep

__all__ = ["run_upkeep"]
