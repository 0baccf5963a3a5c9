"""Jobs, runs, their lifecycle, pacing and policy: pure, synchronous, without clock or I/O."""
