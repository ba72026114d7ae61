"""gRPC: a thin adapter of the edge, and calls to other services."""
