"""What becomes of invitations to help sessions when seats and sessions change."""

from collections.abc import Iterable, Mapping, Set

from services.sessions.domain import falls
from services.sessions.domain import help as helping
from services.sessions.domain.falls import FallState
from services.sessions.domain.help import Invitation, InvitationState
from services.sessions.domain.offers import Outcome
from services.sessions.domain.roster import Enrolment
from services.sessions.domain.seats import Seat
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening

_COUNTED = {
    InvitationState.TAKEN: Happening.HELP_TAKEN,
    InvitationState.DECLINED: Happening.HELP_DECLINED,
    InvitationState.LAPSED: Happening.HELP_LAPSED,
    InvitationState.WITHDRAWN: Happening.HELP_WITHDRAWN,
}


def follow(store: Store, session: Session, seat: Seat, ended: Outcome) -> None:
    """Note what a changed seat in a help session makes of the learner's invitation; `ended`: why
    the learner has no place, if there is none.
    """
    key = (session.id, seat.learner_id)
    before = store.invitations([key]).get(key) if session.is_help else None
    if before is not None:
        _change(store, [(before, helping.after_seat(before, seat, ended, store.now))])


def withdraw_taken(store: Store, sessions: Iterable[Session]) -> None:
    """Take the taken invitations to cancelled help sessions back: these learners wait again."""
    for session in sessions:
        taken = store.taken_invitations(session.id) if session.is_help else []
        _change(store, [(each, helping.withdrawn(each, store.now)) for each in taken])


def note_places(store: Store, sessions: Iterable[Session]) -> None:
    """Note the runs of help sessions that may have places for learners who wait."""
    store.note_help({each.run_id for each in sessions if each.is_help})


def note_enrolments(
    store: Store, changed: Mapping[tuple[str, str], Enrolment], left: Set[tuple[str, str]]
) -> None:
    """Note what changed enrolments (by run and learner) mean: who left a run is not invited any
    more; to others other sessions may be open, and staff of their groups reads their invitations.
    """
    known = store.falls(changed.keys())
    for each in known:
        store.regroup_invitations(*each.key, changed[each.key].group_ids)
    going_on = [each for each in known if each.state is not FallState.OVER]
    store.put_falls([falls.over(each) for each in going_on if each.key in left])
    store.note_help({each.run_id for each in going_on if each.key not in left})


def _change(store: Store, changes: Iterable[tuple[Invitation, Invitation]]) -> None:
    """Store changed invitations, and that learners wait again or not any more."""
    changed = [after for before, after in changes if after != before]
    store.put_invitations(changed)
    by_key = {(each.run_id, each.learner_id): each for each in changed}
    after = [
        helping.after_invitation(each, by_key[each.key], store.now)
        for each in store.falls(by_key.keys())
    ]
    store.put_falls(after)
    store.note_help({each.run_id for each in after if each.state is FallState.WAITING})
    for each in changed:
        store.count(_COUNTED[each.state])
