"""The rules of live classes: frozen dataclasses and pure functions."""
