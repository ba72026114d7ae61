"""The limits that planning, moving and finding slots keep to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is allowed at a time."""

    learner_clashes: int = 0
    """How many learners may be expected in another session at that time, too."""
    online_seats: int = 0
    """How many seats online all sessions together may give; 0: no limit."""
