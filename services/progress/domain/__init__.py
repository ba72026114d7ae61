"""The rules, as frozen dataclasses and pure functions."""
