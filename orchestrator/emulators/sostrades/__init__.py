"""A stand-in for SoSTrades, as its API v0 was seen to behave in webapi 5.3.4."""
