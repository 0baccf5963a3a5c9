"""The contract kit, the simulated world and the clock, for tests and authors of backends."""
