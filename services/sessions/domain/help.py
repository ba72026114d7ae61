"""Help: a learner who falls behind waits for a place in a help session, and is invited to the next.

An invitation is an offer of a seat out of turn (offers.py), with what became of it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.runs import is_for
from services.sessions.domain import offers
from services.sessions.domain.enums import (
    AttendanceMode,
    Interval,
    SeatKind,
    SessionKind,
    SessionState,
)
from services.sessions.domain.falls import Fall, FallState, invited
from services.sessions.domain.offers import Outcome
from services.sessions.domain.roster import Enrolment, Policy, is_expected
from services.sessions.domain.seats import Seat, has_free
from services.sessions.domain.session import Session

ASK_AGAIN_AFTER = timedelta(days=3)
"""After a learner declined an invitation, or let it lapse, the next one comes this much later."""


class InvitationState(StrEnum):
    """What became of an invitation."""

    INVITED = "INVITED"
    TAKEN = "TAKEN"
    DECLINED = "DECLINED"
    LAPSED = "LAPSED"
    WITHDRAWN = "WITHDRAWN"
    CAME = "CAME"
    """The learner was there. It follows from attendance, and is never stored."""


PASSED_UP = frozenset({InvitationState.DECLINED, InvitationState.LAPSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """The invitation of a learner to a help session."""

    session_id: str
    learner_id: str
    run_id: str
    group_ids: tuple[str, ...]
    """The learner's groups."""
    kind: SeatKind
    since: datetime
    invited_at: datetime
    answer_by: datetime
    state: InvitationState = InvitationState.INVITED
    ended_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Return the session and the learner."""
        return self.session_id, self.learner_id


def kinds_for(mode: AttendanceMode | None) -> tuple[SeatKind, ...]:
    """Return the kinds of seats that suit a learner, the best first."""
    if mode is AttendanceMode.CLASSROOM:
        return SeatKind.IN_ROOM, SeatKind.ONLINE
    return (SeatKind.ONLINE,)


def takes_guests(session: Session, policy: Policy, now: datetime) -> bool:
    """Return whether learners can be invited to a session: a help session to come, whose cut-off
    has not passed.
    """
    is_to_come = session.state is SessionState.SCHEDULED
    return session.is_help and is_to_come and offers.can_answer(session, policy, now)


def has_place(session: Session, kind: SeatKind) -> bool:
    """Return whether a session has a free seat of a kind."""
    return session.kind in (SessionKind.HYBRID, SessionKind(kind)) and has_free(session, kind)


def has_any_place(session: Session) -> bool:
    """Return whether a session has a free seat of any kind."""
    return has_place(session, SeatKind.IN_ROOM) or has_place(session, SeatKind.ONLINE)


def place_among(seats: Iterable[Seat]) -> Seat | None:
    """Return the first of a learner's seats in help sessions that is a place; None: none is."""
    return next((each for each in seats if _has_place(each)), None)


def next_place(
    enrolment: Enrolment,
    sessions: Iterable[Session],
    seats: Mapping[str, Seat],
    invitations: Mapping[str, Invitation],
    busy: Sequence[Interval],
) -> tuple[Session, SeatKind] | None:
    """Return the next session with a place for a learner, and its kind; None if there is none.

    `sessions`: those that take guests, by their starts; `seats` and `invitations`: the learner's
    there, by session; `busy`: when the learner has classes.
    """
    for session in sessions:
        passed_up = session.id in invitations and invitations[session.id].state in PASSED_UP
        suits = is_for(session.group_ids, enrolment.group_ids) and not _is_during(session, busy)
        if suits and session.id not in seats and not passed_up:
            for kind in kinds_for(enrolment.mode):
                if has_place(session, kind):
                    return session, kind
    return None


def busy_times(
    enrolments: Iterable[Enrolment], seats: Mapping[str, Seat], sessions: Iterable[Session]
) -> list[Interval]:
    """Return when a learner has other sessions: where the learner is expected, or has, waits for or
    is offered a seat. `seats`: the learner's, by session.
    """
    by_run = {each.run_id: each for each in enrolments}
    return [
        Interval(each.start_time, each.end_time)
        for each in sessions
        if each.id in seats
        or (not each.is_help and is_expected(by_run.get(each.run_id), False, each.group_ids))
    ]


def answer_by(session: Session, kind: SeatKind, policy: Policy, now: datetime) -> datetime:
    """Return until when an invitation stands: as long as an offer; one that holds no limited seat
    until the cut-off, because nobody waits for it.
    """
    if kind is SeatKind.ONLINE and not session.online_seats:
        return session.start_time - policy.seat_cutoff
    return offers.expiry(session, policy, now)


def after_seat(invitation: Invitation, seat: Seat, ended: Outcome, now: datetime) -> Invitation:
    """Return an invitation after the learner's seat has changed; `ended`: why there is none, if
    there is none.
    """
    state = _ENDED[Outcome.TAKEN if _has_place(seat) else ended]
    if state is invitation.state:
        return invitation
    return replace(invitation, state=state, ended_at=now)


def withdrawn(invitation: Invitation, now: datetime) -> Invitation:
    """Return an invitation that was taken back."""
    return replace(invitation, state=InvitationState.WITHDRAWN, ended_at=now)


def after_invitation(fall: Fall, invitation: Invitation, now: datetime) -> Fall:
    """Return a fall after an invitation has changed: who did not take the seat waits again."""
    if fall.state is FallState.OVER:
        return fall
    if invitation.state in (InvitationState.TAKEN, InvitationState.INVITED):
        return invited(fall, invitation.session_id)
    if fall.session_id != invitation.session_id:
        return fall
    not_before = now + ASK_AGAIN_AFTER if invitation.state in PASSED_UP else None
    return replace(fall, state=FallState.WAITING, session_id="", not_before=not_before)


def invitation(
    fall: Fall,
    enrolment: Enrolment,
    session_id: str,
    kind: SeatKind,
    now: datetime,
    answer_by: datetime,
) -> Invitation:
    """Return a new invitation of a learner to a session."""
    return Invitation(
        session_id=session_id,
        learner_id=fall.learner_id,
        run_id=fall.run_id,
        group_ids=enrolment.group_ids,
        kind=kind,
        since=fall.since,
        invited_at=now,
        answer_by=answer_by,
    )


def taken(invitation: Invitation, now: datetime) -> Invitation:
    """Return an invitation that was taken."""
    return replace(invitation, state=InvitationState.TAKEN, ended_at=now)


_ENDED = {
    Outcome.TAKEN: InvitationState.TAKEN,
    Outcome.DECLINED: InvitationState.DECLINED,
    Outcome.EXPIRED: InvitationState.LAPSED,
    Outcome.WITHDRAWN: InvitationState.WITHDRAWN,
}


def _has_place(seat: Seat) -> bool:
    return seat.kind in (SeatKind.IN_ROOM, SeatKind.ONLINE)


def _is_during(session: Session, busy: Collection[Interval]) -> bool:
    return any(each.start < session.end_time and session.start_time < each.end for each in busy)
