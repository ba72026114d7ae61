"""The log of a class: what happened in its live channel, numbered without gaps.

Whatever changes what the people of a class see in the channel adds an entry, in the unit of work
that stores the change: chat, hands, questions, polls, moderation. So the live channel has one truth
to send and to resume from, whichever process made the entry.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from services.sessions.domain.questions import QuestionState


@dataclass(frozen=True, slots=True)
class ChatSent:
    """Text in the chat."""

    text: str


@dataclass(frozen=True, slots=True)
class HandMoved:
    """A hand, raised or taken down."""

    raised: bool


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """A question, new or changed, as the class sees it; the text is empty if it is gone."""

    question_id: str
    text: str
    state: QuestionState
    merged_into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEntry:
    """One thing that happened; exactly one of the fields after `person_id` is set."""

    session_id: str
    number: int = 0
    """1, 2, 3, ... in its session; 0 until it is stored."""
    at: datetime
    person_id: str = ""
    """Who did it; empty: the platform."""
    chat: ChatSent | None = None
    hand: HandMoved | None = None
    question: QuestionShown | None = None


def numbered(entry: ClassEntry, last: int) -> ClassEntry:
    """Return the entry as the one after number `last`."""
    return replace(entry, number=last + 1)
