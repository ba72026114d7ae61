"""Feedback after a class: leaving it, showing it, and the end of it."""

from dataclasses import replace

from chassis.errors import FailedPrecondition, FieldViolation, NotFound, check_state
from services.sessions.domain import feedback
from services.sessions.domain.anonymity import pseudonym
from services.sessions.domain.feedback import FeedbackWindow, LeaveFeedback, OwnFeedback
from services.sessions.domain.roster import is_expected
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases import lookup


def open_feedback(store: Store, session: Session) -> None:
    """Let learners leave feedback on a session that has just ended, if its run asks for it."""
    within = lookup.policy_of(store, session).feedback_time
    window = feedback.opened(session, within, store.new_secret())
    if window is not None:
        store.put_feedback_window(window)


def feedback_on(store: Store, session_id: str) -> FeedbackWindow:
    """Return the window for feedback on a session, with the number of answers until now.

    Raises NotFound, and FailedPrecondition if no feedback is asked for.
    """
    window = _window(store, lookup.session(store, session_id))
    if window.closed_at is not None:
        return window
    return replace(window, answers=store.feedback_answers(session_id))


def leave_feedback(store: Store, command: LeaveFeedback) -> FeedbackWindow:
    """Store a learner's answer in place of an earlier one; return the window for feedback.

    Raises NotFound; FailedPrecondition for who has nothing to do with the class, and outside of the
    window.
    """
    session = lookup.session(store, command.session_id)
    window = _window(store, session)
    wrong = [
        *feedback.late_violations(window, store.now),
        *feedback.author_violations(_may_answer(store, session, command.learner_id)),
    ]
    check_state("no feedback is taken", wrong)
    answer = replace(command, comment=feedback.comment_of(command.comment))
    if store.put_feedback(pseudonym(window.secret, command.learner_id), answer):
        store.count(Happening.FEEDBACK_GIVEN)
    return window


def own_feedback(
    store: Store, session_id: str, learner_id: str
) -> tuple[FeedbackWindow, OwnFeedback]:
    """Return the window for feedback on a session, and a learner's answer.

    Raises NotFound without one; FailedPrecondition if no feedback is asked for, or it is closed.
    """
    window = _window(store, lookup.session(store, session_id))
    check_state("own feedback can't be told", feedback.key_violations(window))
    found = store.feedback_by(session_id, pseudonym(window.secret, learner_id))
    if found is None:
        wrong = f"{learner_id!r} has left no feedback on the session"
        raise NotFound("there is no feedback", [FieldViolation("learner_id", wrong)])
    return window, found


def show_feedback(store: Store, session_id: str) -> None:
    """Show the answers on a session, if there are enough more than are shown."""
    window = store.feedback_window_for_update(session_id)
    if window is not None and window.closed_at is None:
        _shown(store, window)


def close_feedback(store: Store, session_id: str) -> None:
    """End the feedback on a session: what is shown stays, the rest is deleted."""
    window = store.feedback_window_for_update(session_id)
    if window is None or window.closed_at is not None:
        return
    window = _shown(store, window)
    window = feedback.closed(window, store.feedback_answers(session_id), store.now)
    store.count(Happening.FEEDBACK_HELD_BACK, window.answers - window.published.answers)
    store.put_feedback_window(window)
    store.forget_feedback(session_id)
    if window.published.answers:
        store.record_event(feedback.closed_event(window, store.now))


def _window(store: Store, session: Session) -> FeedbackWindow:
    window = store.feedback_window(session.id)
    if window is None:
        right = "a session that has ended, of a run that asks for feedback"
        wrong = FieldViolation("session_id", "no feedback is asked for on it", right)
        raise FailedPrecondition("there is no feedback", [wrong])
    return window


def _shown(store: Store, window: FeedbackWindow) -> FeedbackWindow:
    now = feedback.summary_of(store.feedback_ratings(window.id))
    if not feedback.is_due(window.published, now):
        return window
    store.count(Happening.FEEDBACK_SHOWN, now.answers - window.published.answers)
    window = replace(window, published=now)
    store.put_feedback_window(window)
    store.show_feedback(window.id)
    return window


def _may_answer(store: Store, session: Session, learner_id: str) -> bool:
    """Return whether a learner was expected at a session, or there."""
    enrolment = store.enrolments([(session.run_id, learner_id)]).get((session.run_id, learner_id))
    is_seated = lookup.seat_of(store, session, learner_id).kind is not None
    if not session.is_help and is_expected(enrolment, is_seated, session.group_ids):
        return True
    return bool(
        store.attendance(session.id, [learner_id])
        or store.presence_events(session.id, [learner_id])
    )
