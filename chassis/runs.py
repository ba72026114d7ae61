"""Runs as catalog's events tell them: when a run is over, and whom its groups concern. One rule for
all services' replicas.

Domains and use cases may import this module: it needs only the standard library.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from chassis.civil import end_of_day


def facts_of(data: Any) -> Any:
    """Return the facts on the run in an event's data; RunOpened has them in fields of its own."""
    return getattr(data, "run", data)


def end_of(facts: Any) -> datetime | None:
    """Return when the run's last day is over; None if an older event does not say."""
    return end_of_day(facts.end_date, facts.zone) if facts.end_date else None


def is_for(group_ids: Collection[str], own: Collection[str]) -> bool:
    """Return whether what is for some groups of a run, or (none) for the whole run, is for a
    learner whose groups are `own`.
    """
    return not group_ids or not set(group_ids).isdisjoint(own)


def over_since(
    closed_at: datetime | None, ends_at: datetime | None, now: datetime
) -> datetime | None:
    """Return since when a run is over: closed, or past its end; None if it is not."""
    since = min((each for each in (closed_at, ends_at) if each is not None), default=None)
    return since if since is not None and (closed_at or since <= now) else None
