"""The use cases of sessions, each a plain function."""
