"""Catalog's use cases, each a plain function."""
