"""Whether a notice that waits is still for its person: what changed since it was queued."""

from collections.abc import Collection

from services.notify.domain.enums import EnrolmentState, Kind
from services.notify.domain.messages import LEFT, NOT_EXPECTED, NOT_TEACHING, Delivery
from services.notify.domain.people import Enrolment, Run, has_left
from services.notify.domain.sessions import Session, unexpected
from services.notify.domain.standing import Known

OF_CLASSES = frozenset(
    {
        Kind.REMINDER,
        Kind.SESSION_MOVED,
        Kind.SESSION_CANCELLED,
        Kind.SERIES_MOVED,
        Kind.SERIES_CANCELLED,
    }
)
"""For who is expected in a class, and who teaches it."""
OF_TROUBLE = frozenset({Kind.SESSION_NOT_HELD, Kind.MEETING_FAILED, Kind.MEETING_MADE})
"""For who holds a class, or can plan it anew."""


def not_for(told: Delivery, known: Known, places: Collection[Enrolment]) -> str:
    """Return the reason why something is not for its person any more; empty: it is.

    `places`: the person's enrolments in its run; of who teaches there are none.
    """
    if has_left(places):
        return LEFT
    if told.about is None:
        return ""
    session, run = known.sessions.get(told.about.session_id), known.runs.get(told.run_id)
    kind = told.about.kind
    if kind in OF_CLASSES and not _is_expected(told.person_id, session, places):
        return NOT_EXPECTED
    if kind in OF_TROUBLE and session and run:
        return "" if told.person_id in run.told_of_class(session.instructor_id) else NOT_TEACHING
    return NOT_TEACHING if _has_stopped_teaching(told, run) else ""


def _is_expected(person_id: str, session: Session | None, places: Collection[Enrolment]) -> bool:
    """Return whether a class is for a person. Of a series nobody knows the groups here."""
    held = [each for each in places if each.state is EnrolmentState.ENROLLED]
    if not held or (session and person_id == session.instructor_id):
        return True
    purpose, groups = (session.purpose, set(session.group_ids)) if session else (None, set())
    return any(
        each.mode not in unexpected(purpose) and (not groups or groups & set(each.group_ids))
        for each in held
    )


def _has_stopped_teaching(told: Delivery, run: Run | None) -> bool:
    """Return whether news for the run's staff wait for someone who is not of it any more."""
    if told.about is None or run is None or not run.staff:
        return False
    if told.about.kind is Kind.LEARNERS_FELL_BEHIND:
        return told.person_id not in {each.person_id for each in run.teachers}
    return told.about.to_staff and told.person_id not in {each.person_id for each in run.staff}
