"""What a unit of cmi5 sends in its session, and what follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chassis.errors import NotFound, PermissionDenied
from services.progress.domain.cmi5 import said
from services.progress.domain.cmi5.rules import judged
from services.progress.domain.cmi5.sessions import Registration, Session, is_course_satisfied
from services.progress.domain.cmi5.terms import Rule, Verb
from services.progress.domain.xapi.clients import Launch
from services.progress.ports_cmi5 import SessionsStore

LOCK = "cmi5_registration"


def take_in(
    store: SessionsStore, launch: Launch, statements: Sequence[Mapping[str, Any]], base: str
) -> PermissionDenied | None:
    """Note new statements of a session, with ids; return why all of them are refused, if so."""
    session, registration = _loaded(store, launch)
    if not session.is_alive(store.now):
        store.note_cmi5_refused([Rule.ENDED] * len(statements))
        return PermissionDenied("the session has ended: launch the activity again")
    unit = registration.unit(launch.activity_id)
    found = judged(session, unit, statements, base, store.now)
    if found.faults:
        store.note_cmi5_refused(found.broken)
        return PermissionDenied("cmi5 forbids these statements in this session", found.faults)
    store.put_cmi5_session(found.session)
    if found.session.ended_at and not session.ended_at:
        store.note_cmi5_session(Verb.TERMINATED)
    if found.unit != unit:
        store.put_cmi5_registration(registration.with_unit(launch.activity_id, found.unit))
    return None


def course_news(store: SessionsStore, launch: Launch, base: str) -> list[Mapping[str, Any]]:
    """Return the statement "satisfied" of the course, if all its units are satisfied now and it
    was not said before; note that it is.
    """
    session, registration = _loaded(store, launch)
    return satisfied(store, session, registration, base)


def satisfied(
    store: SessionsStore, session: Session, registration: Registration, base: str
) -> list[Mapping[str, Any]]:
    """Do the same for a session and its registration as they are now."""
    plan = store.plans([session.run_id]).get(session.run_id)
    is_news = registration.satisfied_at is None and plan is not None
    if not is_news or plan is None or not is_course_satisfied(registration, plan.activities):
        return []
    store.put_cmi5_registration(replace(registration, satisfied_at=store.now))
    return [said.satisfied(session, base, store.now)]


def _loaded(store: SessionsStore, launch: Launch) -> tuple[Session, Registration]:
    store.contends_for(LOCK, launch.registration)
    session = store.cmi5_session(launch.session_id)
    registration = store.cmi5_registration(launch.registration)
    if session is None or registration is None:
        raise NotFound("there is no such session")
    return session, registration
