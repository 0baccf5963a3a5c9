"""`python -m orchestrator` is the command `orchestrator`."""
