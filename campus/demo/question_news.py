"""Which messages the events of questions lead to.

Who asked is told of each answer, and of what a class left open. Those who teach are told of what
was asked out of class and of what is left open, ten minutes after the first of it, all together.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tandem.sessions.v1 import questions_pb2

from chassis.contracts.events import Event

SETTLE = timedelta(minutes=10)
ASKED = "tandem.sessions.question.asked.v1"
ANSWERED = "tandem.sessions.question.answered.v1"
CARRIED_OVER = "tandem.sessions.question.carried_over.v1"


def to_asker(event: Event[Any]) -> list[str]:
    """Return who is told of an event as an asker of its question."""
    if _is_left_open(event):
        return [event.data.asker_id, *event.data.also_asked_by]
    return [event.data.asker_id] if event.type == ANSWERED else []


def digests(events: Iterable[Event[Any]]) -> Mapping[str, str]:
    """Return for each event that those who teach are told of, the first event of the same message.

    Both are ids. The message itself names the event that reached notify first, which may be
    another one of them: only events of one question have an order.
    """
    found: dict[str, str] = {}
    first, until = "", None
    for at, event in sorted(_timed(events), key=lambda each: each[0]):
        if until is None or at >= until:
            first, until = event.id, at + SETTLE
        found[event.id] = first
    return found


def _timed(events: Iterable[Event[Any]]) -> Iterator[tuple[datetime, Event[Any]]]:
    for event in events:
        if event.type == ASKED and event.data.place != questions_pb2.QUESTION_PLACE_LIVE:
            yield event.data.asked_at.ToDatetime(), event
        elif _is_left_open(event):
            yield event.data.carried_at.ToDatetime(), event


def _is_left_open(event: Event[Any]) -> bool:
    return event.type == CARRIED_OVER and bool(event.data.left_open)
