"""The rules of progress: frozen dataclasses and pure functions."""
