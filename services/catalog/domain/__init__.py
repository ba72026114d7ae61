"""The rules of the catalog: frozen dataclasses and pure functions."""
