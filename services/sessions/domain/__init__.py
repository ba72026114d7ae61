"""The rules for live classes: frozen dataclasses and pure functions."""
