"""HTTP: a thin adapter of the edge."""
