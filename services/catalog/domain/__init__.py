"""The catalog's rules: frozen dataclasses and pure functions."""
