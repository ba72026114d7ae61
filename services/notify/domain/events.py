"""Notify's events; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass
from datetime import datetime

from services.notify.domain.enums import Category, Channel


@dataclass(frozen=True, slots=True)
class MessageDelivered:
    """A message was handed over on a channel."""

    message_id: str
    person_id: str
    channel: Channel
    category: Category
    event_id: str
    event_type: str
    delivered_at: datetime


@dataclass(frozen=True, slots=True)
class MessageFailed:
    """A message was given up on a channel."""

    message_id: str
    person_id: str
    channel: Channel
    category: Category
    event_id: str
    event_type: str
    failed_at: datetime
    reason: str
