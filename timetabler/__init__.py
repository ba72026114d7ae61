"""Places classes in rooms and periods: a program of its own, JSON in, JSON lines out."""
