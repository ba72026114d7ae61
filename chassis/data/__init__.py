"""A service's MongoDB: units of work, and what stands beside them."""
