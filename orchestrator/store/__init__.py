"""What survives: the queue and the result store."""
