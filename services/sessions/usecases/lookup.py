"""Look-ups that raise NotFound."""

from chassis.errors import FieldViolation, NotFound
from services.sessions.domain.feeds import Feed
from services.sessions.domain.roster import Policy, Run
from services.sessions.domain.seats import Seat, no_seat
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from services.sessions.ports import Store


def lock_session(store: Store, session_id: str) -> Session:
    """Return a session, locked against other units of work. Raises NotFound."""
    return _or_not_found(store.session_for_update(session_id), session_id)


def session(store: Store, session_id: str) -> Session:
    """Return a session. Raises NotFound."""
    return _or_not_found(store.session_by_id(session_id), session_id)


def lock_series(store: Store, series_id: str) -> Series:
    """Return a series, locked against other units of work. Raises NotFound."""
    return _known_series(store.series_for_update(series_id), series_id)


def series(store: Store, series_id: str) -> Series:
    """Return a series. Raises NotFound."""
    return _known_series(store.series_by_id(series_id), series_id)


def feed(store: Store, feed_id: str) -> Feed:
    """Return a calendar feed. Raises NotFound."""
    found = store.feed_by_id(feed_id)
    if found is None:
        raise NotFound("no such feed", [FieldViolation("feed_id", f"{feed_id!r} is unknown")])
    return found


def run_of(store: Store, session: Session) -> Run | None:
    """Return the session's run; None if it is not known here."""
    return store.replicas(Run, [session.run_id]).get(session.run_id)


def policy_of(store: Store, session: Session) -> Policy:
    """Return the policy of the session's run."""
    run = run_of(store, session)
    return run.policy if run else Policy()


def seat_of(store: Store, session: Session, learner_id: str) -> Seat:
    """Return a learner's seat; one without kind if the learner has none."""
    return store.seat(session.id, learner_id) or no_seat(session, learner_id)


def _or_not_found(session: Session | None, session_id: str) -> Session:
    if session is None:
        raise NotFound(
            "no such session", [FieldViolation("session_id", f"{session_id!r} is unknown")]
        )
    return session


def _known_series(series: Series | None, series_id: str) -> Series:
    if series is None:
        raise NotFound("no such series", [FieldViolation("series_id", f"{series_id!r} is unknown")])
    return series
