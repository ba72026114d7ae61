"""The instances of a recurrence rule, by python-dateutil."""

from collections.abc import Iterator
from datetime import datetime

from dateutil.rrule import rrulestr


def instances(rule: str, start: datetime) -> Iterator[datetime]:
    """Yield the local times that a rule gives, in order (RFC 5545, section 3.3.10).

    `rule`: the text of a valid `recurrence.Rule`; `start`: its DTSTART, without a zone. It is among
    them only if the rule gives it.
    """
    return iter(rrulestr(rule, dtstart=start))
