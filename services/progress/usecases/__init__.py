"""The use cases of progress, each a plain function."""
