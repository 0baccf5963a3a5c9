"""The home directory and its one configuration file."""
