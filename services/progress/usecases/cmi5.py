"""Launching units of cmi5, handing out their credentials, and waiving them."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from chassis.errors import FailedPrecondition, NotFound
from services.progress.domain.cmi5 import said
from services.progress.domain.cmi5.sessions import (
    LASTS,
    SESSION,
    Registration,
    Session,
    registration_id,
)
from services.progress.domain.cmi5.terms import LaunchMode, Verb, WaiveReason
from services.progress.domain.dues import Dues
from services.progress.domain.enums import LaunchMethod
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.domain.openings import lacks_of
from services.progress.domain.path import Activity, AssignableUnit
from services.progress.domain.plan import Plan
from services.progress.domain.xapi.credentials import hash_of
from services.progress.domain.xapi.documents import Limits, Room
from services.progress.domain.xapi.etags import Preconditions
from services.progress.domain.xapi.versions import Version
from services.progress.ports_cmi5 import SessionsStore
from services.progress.ports_launches import LaunchStore
from services.progress.usecases import xapi_documents
from services.progress.usecases.cmi5_sessions import LOCK, satisfied
from services.progress.usecases.credentials import SECRET_BYTES
from services.progress.usecases.xapi_documents import Terms
from services.progress.usecases.xapi_statements import say_all

# A launch does not fail because a unit has filled the learner's room.
_ALWAYS = Limits(of_owner=Room(1 << 40, 1 << 50))
_TERMS = Terms(Version.V1_0_3, Preconditions("", ""), _ALWAYS)


@dataclass(frozen=True, slots=True)
class LaunchActivity:
    """Launch a unit for a learner."""

    run_id: str
    learner_id: str
    activity_id: str
    mode: LaunchMode | None = None
    return_url: str = ""


@dataclass(frozen=True, slots=True)
class WaiveActivity:
    """Let a learner off a unit."""

    run_id: str
    learner_id: str
    activity_id: str
    reason: WaiveReason


@dataclass(frozen=True, slots=True)
class Launched:
    """LaunchActivityResponse."""

    launch_url: str
    launch_method: LaunchMethod
    session_id: str
    registration: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Waived:
    """WaiveActivityResponse."""

    waived_at: datetime


@dataclass(frozen=True, slots=True)
class _Place:
    """A unit, and who is to work on it."""

    plan: Plan
    run_state: LearnerRunState
    activity: Activity
    unit: AssignableUnit


def launch_activity(store: LaunchStore, command: LaunchActivity, base: str) -> Launched:
    """Begin a session of a unit, and abandon the one before.

    Raises NotFound, and FailedPrecondition if the activity is not open, or there is no LRS.
    """
    place = _place(store, command, base)
    _check_open(store, place)
    key = secrets.token_urlsafe(SECRET_BYTES)
    registration = _registration(store, place, base)
    session = _session(store, place, registration, command.mode or LaunchMode.NORMAL, key)
    told = _abandoned(store, registration, base)
    registration = replace(registration, session_id=session.id)
    store.put_cmi5_session(session)
    store.put_cmi5_registration(registration)
    document = said.launch_data(session, place.unit, command.return_url, base)
    xapi_documents.put(store, said.launch_data_key(session, base), document, _TERMS)
    told.append(said.launched(session, place.unit, base))
    store.note_cmi5_session(Verb.LAUNCHED)
    say_all(store, [*told, *satisfied(store, session, registration, base)], base)
    return Launched(
        said.launch_url(session, place.unit, key, base),
        place.unit.launch_method or LaunchMethod.ANY_WINDOW,
        session.id,
        registration.id,
        session.launched_at + LASTS,
    )


def fetch(store: SessionsStore, key: str) -> str | None:
    """Return the token of the session whose fetch URL has a key: what stands after "Basic" in the
    header Authorization. None if it was fetched before, or if the session has ended.

    Raises NotFound if there is no such key.
    """
    session = store.cmi5_session_of_key(hash_of(key))
    if session is None:
        raise NotFound("there is no launch with this key")
    if session.secret_hash or not session.is_alive(store.now):
        return None
    secret = secrets.token_urlsafe(SECRET_BYTES)
    store.put_cmi5_session(replace(session, secret_hash=hash_of(secret)))
    return base64.b64encode(f"{SESSION}{session.id}:{secret}".encode()).decode()


def waive_activity(store: LaunchStore, command: WaiveActivity, base: str) -> Waived:
    """Waive a unit once, and return when that was.

    Raises NotFound, and FailedPrecondition if there is no LRS.
    """
    place = _place(store, command, base)
    registration = _registration(store, place, base)
    unit = registration.unit(command.activity_id)
    if unit.waived_at is not None:
        return Waived(unit.waived_at)
    session = _session(store, place, registration, LaunchMode.NORMAL, key="")
    registration = registration.with_unit(command.activity_id, replace(unit, waived_at=store.now))
    store.put_cmi5_registration(registration)
    waived = said.waived(session, command.reason, base, store.now)
    say_all(store, [waived, *satisfied(store, session, registration, base)], base)
    return Waived(store.now)


def _place(store: LaunchStore, command: LaunchActivity | WaiveActivity, base: str) -> _Place:
    if not base:
        raise FailedPrecondition("there is no LRS: the setting TANDEM_XAPI_URL is empty")
    key = (command.run_id, command.learner_id)
    plan, run_state = store.plans([command.run_id]).get(command.run_id), store.run_states([key])
    if plan is None or key not in run_state or not run_state[key].is_enrolled:
        raise NotFound(f"{command.learner_id!r} is not enrolled in run {command.run_id!r}")
    activity = plan.activities.get(command.activity_id)
    if activity is None or activity.cmi5 is None:
        raise NotFound(f"the path has no unit of cmi5 with the id {command.activity_id!r}")
    return _Place(plan, run_state[key], activity, activity.cmi5)


def _check_open(store: LaunchStore, place: _Place) -> None:
    key = place.run_state.key
    evidence = store.evidence({key: place.plan.scored_targets}).get(key, ())
    learner = Learner(place.run_state, {each.target: each for each in evidence}, {})
    dues = Dues(place.plan, place.run_state)
    lacks = lacks_of(place.activity, learner, place.plan, dues, store.now)
    if lacks:
        told = ", ".join(
            f"{each.kind} {each.title or each.opens_at or ''}".strip() for each in lacks
        )
        raise FailedPrecondition(f"the activity is not open yet; it waits for: {told}")


def _registration(store: LaunchStore, place: _Place, base: str) -> Registration:
    id_ = registration_id(base, place.run_state.enrolment_id)
    store.contends_for(LOCK, id_)
    return store.cmi5_registration(id_) or Registration(id_, *place.run_state.key)


def _session(
    store: LaunchStore, place: _Place, registration: Registration, mode: LaunchMode, key: str
) -> Session:
    return Session(
        id=str(uuid4()),
        run_id=registration.run_id,
        learner_id=registration.learner_id,
        activity_id=place.activity.id,
        registration=registration.id,
        publisher_id=place.unit.publisher_id,
        mastery_score=place.unit.mastery_score,
        mode=mode,
        launched_at=store.now,
        fetch_hash=hash_of(key),
    )


def _abandoned(
    store: LaunchStore, registration: Registration, base: str
) -> list[Mapping[str, Any]]:
    """End the last session, unless the unit has; return the statement of that (section 9.3.6)."""
    last = store.cmi5_session(registration.session_id) if registration.session_id else None
    if last is None or last.ended_at is not None:
        return []
    store.put_cmi5_session(replace(last, abandoned=True, ended_at=store.now))
    store.note_cmi5_session(Verb.ABANDONED)
    return [said.abandoned(last, base, store.now)]
