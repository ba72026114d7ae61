"""Notify's rules: frozen data and pure functions."""
