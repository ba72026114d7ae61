"""The events of offers; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass
from datetime import datetime

from services.sessions.domain.enums import SeatKind
from services.sessions.domain.offers import Outcome


@dataclass(frozen=True, slots=True)
class SeatOffered:
    """A seat is held for a learner; `kind`: the seat that the learner has meanwhile."""

    session_id: str
    run_id: str
    learner_id: str
    title: str
    start_time: datetime
    offered_at: datetime
    expires_at: datetime
    kind: SeatKind | None
    holds: SeatKind | None
    offered_by: str
    reason: str
    offered_kind: SeatKind
    invitation: bool


@dataclass(frozen=True, slots=True)
class SeatOfferEnded:
    """An offer of a seat has ended."""

    session_id: str
    run_id: str
    learner_id: str
    outcome: Outcome
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class HelpInvited:
    """A learner who falls behind is invited to a help session."""

    session_id: str
    run_id: str
    learner_id: str
    enrolment_id: str
    title: str
    start_time: datetime
    end_time: datetime
    kind: SeatKind
    room: str
    invited_at: datetime
    answer_by: datetime
