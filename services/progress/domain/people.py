"""Replicas of people, with only what a timeline needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the roster."""

    id: str
    zone: str
    """An IANA time zone; empty if unknown."""
    sequence: int
