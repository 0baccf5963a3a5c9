"""Where this service lives on its server."""

PREFIX = "/v1"
