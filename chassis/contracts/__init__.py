"""Mapping of the contracts' messages and events to and from dataclasses."""
