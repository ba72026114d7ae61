"""HTTP: an adapter of the edge's pipeline."""
