"""One check of the demo."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """A condition that must be true: an expected and an actual value."""

    name: str
    expected: Any
    actual: Any

    @property
    def ok(self) -> bool:
        """Return whether the values are equal."""
        return bool(self.expected == self.actual)
