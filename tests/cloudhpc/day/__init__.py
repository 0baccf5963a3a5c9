"""A day at cloudHPC in simulated time: the real engine and backend, and a model of the service."""
