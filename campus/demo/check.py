"""One check of the demo."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    expected: Any
    actual: Any

    @property
    def ok(self) -> bool:
        """Whether it does."""
        return bool(self.expected == self.actual)
