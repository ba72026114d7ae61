"""The library's rules: frozen dataclasses and pure functions."""
