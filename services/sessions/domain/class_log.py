"""The log of a class: what happened in its live channel, numbered without gaps.

Whatever changes what the people of a class see in the channel adds an entry, in the unit of work
that stores the change: chat, hands, questions, polls, moderation. So the live channel has one truth
to send and to resume from, whichever process made the entry.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from services.sessions.domain.enums import ModerationAction
from services.sessions.domain.poll_results import PollAnswered, PollAsked
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
class Moderated:
    """What was done with a person, or with an entry of the chat."""

    action: ModerationAction
    person_id: str = ""
    """With whom; empty for HIDE and SHOW."""
    entry_number: int = 0
    """HIDE, SHOW: of which entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassEntry:
    """One thing that happened; exactly one of the fields after `hidden` is set."""

    session_id: str
    number: int = 0
    """1, 2, 3, ... in its session; 0 until it is stored."""
    at: datetime
    person_id: str = ""
    """Who did it; empty: the platform."""
    hidden: bool = False
    """Whether its text is not shown to learners."""
    chat: ChatSent | None = None
    hand: HandMoved | None = None
    poll_asked: PollAsked | None = None
    poll_answered: PollAnswered | None = None
    moderated: Moderated | None = None
    question: QuestionShown | None = None


def numbered(entry: ClassEntry, last: int) -> ClassEntry:
    """Return the entry as the one after number `last`, at its time in stored milliseconds: who gets
    it live and who reads it later get the same.
    """
    at = entry.at.replace(microsecond=entry.at.microsecond // 1000 * 1000)
    return replace(entry, number=last + 1, at=at)


def seen_by(entry: ClassEntry, person_id: str, is_staff: bool) -> ClassEntry:
    """Return an entry as a person sees it.

    Learners don't see hidden text, and what was done with a person only if it was done with them:
    they get the entry without it, so that numbers stay without gaps.
    """
    if is_staff:
        return entry
    if entry.hidden and entry.chat is not None:
        return replace(entry, chat=ChatSent(""))
    if entry.moderated is not None and entry.moderated.person_id not in ("", person_id):
        return replace(entry, person_id="", moderated=None)
    return entry
