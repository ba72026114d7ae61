"""Inviting learners who fall behind to help sessions.

What happens only notes a run; a timer looks at the learners who wait there, in the order in which
they fell behind, some in each unit of work. So thousands who fall behind at once hold no session.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.sessions.domain import falls
from services.sessions.domain import help as helping
from services.sessions.domain.enums import EnrolmentState, SeatKind
from services.sessions.domain.events import about
from services.sessions.domain.falls import Fall, FallNews, FallState, Turn
from services.sessions.domain.help import Invitation
from services.sessions.domain.offer_events import HelpInvited
from services.sessions.domain.offers import Outcome, Terms, released
from services.sessions.domain.roster import Enrolment, Policy, Run
from services.sessions.domain.seats import Seat, is_offered, no_seat
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases import holding, lookup
from services.sessions.usecases.seats import fill

MOST = 100
"""Learners at whom one unit of work looks."""
MOST_SESSIONS = 20
"""Help sessions of a run to which learners are invited: the next ones."""


def note_fall(store: Store, news: FallNews) -> None:
    """Note that a learner fell behind, or is not behind any more: then an invitation that was not
    answered is taken back. Older and repeated news change nothing.
    """
    known = store.falls([(news.run_id, news.learner_id)])
    before = known[0] if known else None
    after = falls.fallen(before, news)
    if after is None:
        return
    if before is not None and before.state is FallState.INVITED and after.state != before.state:
        _take_back(store, before)
    store.put_falls([after])
    if after.state is FallState.WAITING:
        store.note_help({after.run_id})


def _take_back(store: Store, fall: Fall) -> None:
    """Let the seat go that is held for a learner; the next one gets it."""
    session = lookup.lock_session(store, fall.session_id)
    seat = lookup.seat_of(store, session, fall.learner_id)
    if is_offered(seat):
        fill(store, holding.let_go(store, session, seat, released(seat), Outcome.WITHDRAWN))


def invite_waiting(store: Store, run_id: str) -> bool:
    """Look at the next learners of a run who wait, and invite whom there is a place for; return
    whether there are more to look at now.
    """
    turn = store.help_turn(run_id)
    if turn is None or turn.after_since is None:
        store.drop_help_notes(run_id)
    waiting = store.waiting_falls(run_id, turn, MOST)
    may_go_on = _serve(store, waiting, store.replicas(Run, [run_id]).get(run_id))
    has_more = may_go_on and len(waiting) == MOST
    _go_on(store, run_id, waiting[-1] if has_more else None)
    return has_more


def _serve(store: Store, waiting: Sequence[Fall], run: Run | None) -> bool:
    """Invite some learners of a run, or end their wait if the run is over; return whether others
    may be served, too.
    """
    if run is not None and run.is_over(store.now):
        store.put_falls([falls.over(each) for each in waiting])
        return True
    return _invite(store, waiting, run.policy if run else Policy())


def _go_on(store: Store, run_id: str, last: Fall | None) -> None:
    """Store where the run's next unit of work begins: after the last learner, or (None) later."""
    if last is not None:
        store.put_help_turn(falls.after(last, store.now))
        return
    first = store.first_waiting_fall(run_id)
    if first is None:
        store.drop_help_turn(run_id)
    else:
        store.put_help_turn(Turn(id=run_id, due=falls.look_again(first, store.now)))


@dataclass(frozen=True, slots=True)
class _Facts:
    """What decides to which of some help sessions learners are invited."""

    enrolments: Mapping[str, Sequence[Enrolment]]
    """All that give the learner a place in a run, by learner."""
    seats: Mapping[str, Mapping[str, Seat]]
    """All seats in sessions to come, by learner and session."""
    invitations: Mapping[tuple[str, str], Invitation]
    """By session and learner."""
    classes: Sequence[Session]
    """The sessions of all these runs at the times of the help sessions."""
    help_ids: frozenset[str]
    """The coming help sessions of the run, full ones too."""

    def of_run(self, fall: Fall) -> Enrolment | None:
        """Return the enrolment by which a learner has a place in the run."""
        found = self.enrolments.get(fall.learner_id, ())
        return next((each for each in found if each.run_id == fall.run_id), None)

    def own_place(self, fall: Fall) -> Seat | None:
        """Return a place that a learner has in a coming help session; None if there is none."""
        seats = self.seats[fall.learner_id]
        return helping.place_among(seats[each] for each in seats if each in self.help_ids)

    def next_place(
        self, fall: Fall, enrolment: Enrolment, sessions: Iterable[Session]
    ) -> tuple[Session, SeatKind] | None:
        """Return the next of some sessions with a place for a learner, and the kind of seat."""
        learner_id = fall.learner_id
        seats, own = self.seats[learner_id], self.enrolments[learner_id]
        invitations = {
            session_id: each
            for (session_id, who), each in self.invitations.items()
            if who == learner_id
        }
        busy = helping.busy_times(own, seats, self.classes)
        return helping.next_place(enrolment, sessions, seats, invitations, busy)


def _invite(store: Store, waiting: Sequence[Fall], policy: Policy) -> bool:
    """Invite those of some learners for whom there is a place; return whether places are left."""
    coming = store.coming_help_sessions(waiting[0].run_id, MOST_SESSIONS) if waiting else []
    sessions = _with_places(store, coming, policy)
    if sessions:
        facts = _facts(store, waiting, [*sessions.values()], coming)
        for fall in waiting:
            _look_at(store, fall, facts, sessions, policy)
        store.put_sessions(sessions.values())
    return any(map(helping.has_any_place, sessions.values()))


def _with_places(store: Store, coming: Sequence[Session], policy: Policy) -> dict[str, Session]:
    """Return those of some sessions to which learners can be invited, locked, the next first."""
    wanted = [each.id for each in coming if helping.has_any_place(each)]
    locked = store.sessions_for_update(wanted) if wanted else []
    return {
        each.id: each
        for each in sorted(locked, key=lambda each: (each.start_time, each.id))
        if helping.takes_guests(each, policy, store.now)
    }


def _facts(
    store: Store, waiting: Sequence[Fall], sessions: Sequence[Session], coming: Sequence[Session]
) -> _Facts:
    learners = [each.learner_id for each in waiting]
    enrolments: dict[str, list[Enrolment]] = {each: [] for each in learners}
    for each in store.enrolments_of(learners):
        enrolments[each.learner_id].append(each)
    keys = {each.key for of in enrolments.values() for each in of}
    seats: dict[str, dict[str, Seat]] = {each: {} for each in learners}
    for seat in store.seats_to_come(keys):
        seats[seat.learner_id][seat.session_id] = seat
    return _Facts(
        enrolments,
        seats,
        store.invitations((each.id, learner) for each in sessions for learner in learners),
        store.classes_during({run_id for run_id, _ in keys}, sessions),
        frozenset(each.id for each in coming),
    )


def _look_at(
    store: Store, fall: Fall, facts: _Facts, sessions: dict[str, Session], policy: Policy
) -> None:
    """Invite a learner, if there is a place; `sessions` gets the session as it is then."""
    enrolment = facts.of_run(fall)
    if enrolment is None:
        _end_if_left(store, fall)
    elif own := facts.own_place(fall):
        _note_own_place(store, fall, enrolment, own)
    elif found := facts.next_place(fall, enrolment, sessions.values()):
        session, kind = found
        sessions[session.id] = _send(store, fall, enrolment, session, kind, policy)


def _end_if_left(store: Store, fall: Fall) -> None:
    """End the wait of a learner who has left the run. An enrolment may not be known here yet."""
    known = store.enrolments([fall.key]).get(fall.key)
    if known is not None and known.state is EnrolmentState.WITHDRAWN:
        store.put_falls([falls.over(fall)])


def _note_own_place(store: Store, fall: Fall, enrolment: Enrolment, seat: Seat) -> None:
    """Note that a learner has a place in a help session without an invitation."""
    kind = seat.kind or SeatKind.ONLINE
    taken = helping.invitation(fall, enrolment, seat.session_id, kind, store.now, store.now)
    store.put_invitations([helping.taken(taken, store.now)])
    store.put_falls([falls.invited(fall, seat.session_id)])


def _send(
    store: Store,
    fall: Fall,
    enrolment: Enrolment,
    session: Session,
    kind: SeatKind,
    policy: Policy,
) -> Session:
    """Invite a learner and hold the seat; return the session, not stored yet."""
    answer_by = helping.answer_by(session, kind, policy, store.now)
    terms = Terms(answer_by, kind=kind, invitation=True)
    after, _ = holding.hold(store, session, no_seat(session, fall.learner_id), terms)
    sent = helping.invitation(fall, enrolment, session.id, kind, store.now, answer_by)
    store.put_invitations([sent])
    store.put_falls([falls.invited(fall, session.id)])
    store.count(Happening.HELP_INVITED)
    store.record_event(_told(session, fall, sent))
    return after


def _told(session: Session, fall: Fall, sent: Invitation) -> HelpInvited:
    return about(
        session,
        HelpInvited,
        learner_id=fall.learner_id,
        enrolment_id=fall.enrolment_id,
        kind=sent.kind,
        room=session.room if sent.kind is SeatKind.IN_ROOM else "",
        invited_at=sent.invited_at,
        answer_by=sent.answer_by,
    )
