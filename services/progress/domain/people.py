"""What progress knows of people: no more than a timeline needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the roster."""

    id: str
    zone: str
    """IANA; empty where none is told."""
    sequence: int
