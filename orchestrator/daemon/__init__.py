"""The background service: opens everything, one task group, signals, readiness."""
