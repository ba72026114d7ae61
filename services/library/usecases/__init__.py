"""The library's use cases, each a plain function."""
