"""Where requests come in, and where they go to other services."""
