"""gRPC: an adapter of the edge's pipeline, and the client for other services."""
