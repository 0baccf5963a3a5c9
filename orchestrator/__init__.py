"""An async job-orchestration daemon for an engineer's workstation."""

__version__ = "0.1.0"
