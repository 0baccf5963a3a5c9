"""A stand-in for cloudHPC, by its published interface v2 alone."""
