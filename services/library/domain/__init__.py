"""The rules of the library: frozen dataclasses and pure functions."""
