"""The kinds of backend, one place for each."""
