"""The statements and documents that the platform writes (sections 9 and 10)."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from services.progress.domain.cmi5.sessions import Session
from services.progress.domain.cmi5.terms import (
    CATEGORY,
    COURSE,
    EXTENSION,
    LAUNCH_DATA,
    MASTERY_SCORE,
    MOVE_ON_CATEGORY,
    REASON,
    SESSION_ID,
    WORDS,
    Verb,
    WaiveReason,
)
from services.progress.domain.path import AssignableUnit
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.domain.xapi.completed import timestamp_text
from services.progress.domain.xapi.documents import JSON, Content, Context, DocumentKey, Kind
from services.progress.domain.xapi.identities import agent_key
from services.progress.domain.xapi.places import activity_iri, person_iri, run_iri

Json = dict[str, Any]


def platform(base: str) -> Client:
    """Return the client that the platform is when it speaks as cmi5's LMS."""
    return Client("lrs:cmi5", person_iri(base, "lrs:cmi5"), frozenset({Scope.ALL}))


def context_template(session: Session, base: str) -> Json:
    """Return what the context of each statement of a session has (section 10): the session, the
    publisher's id, and the run.
    """
    grouping = [{"id": session.publisher_id}, {"id": run_iri(base, session.run_id)}]
    return {
        "registration": session.registration,
        "contextActivities": {"grouping": grouping},
        "extensions": {SESSION_ID: session.id},
    }


def launch_data(session: Session, unit: AssignableUnit, return_url: str, base: str) -> Content:
    """Return the document LMS.LaunchData (section 10)."""
    found = {
        "contextTemplate": context_template(session, base),
        "launchMode": WORDS[session.mode],
        "moveOn": _move_on(unit),
        "launchMethod": WORDS[unit.launch_method] if unit.launch_method else "AnyWindow",
        **_if("launchParameters", unit.launch_parameters),
        **_if("masteryScore", session.mastery_score),
        **_if("returnURL", return_url),
    }
    if unit.entitlement_key:
        found["entitlementKey"] = {"courseStructure": unit.entitlement_key}
    return Content(json.dumps(found).encode(), JSON)


def launch_data_key(session: Session, base: str) -> DocumentKey:
    """Return where the document LMS.LaunchData stands."""
    agent = agent_key(person_iri(base, session.learner_id))
    iri = activity_iri(base, session.run_id, session.activity_id)
    return DocumentKey(Context(Kind.STATE, iri, agent, session.registration), LAUNCH_DATA)


def launch_url(session: Session, unit: AssignableUnit, key: str, base: str) -> str:
    """Return the URL that launches a unit (section 8.1). `key`: of the fetch URL."""
    asked = {
        "endpoint": f"{base}/",
        "fetch": f"{base}/cmi5/fetch?{urlencode({'k': key})}",
        "actor": json.dumps(person_iri(base, session.learner_id)),
        "registration": session.registration,
        "activityId": activity_iri(base, session.run_id, session.activity_id),
    }
    parts = urlsplit(unit.url)
    query = "&".join(filter(None, [parts.query, urlencode(asked)]))
    return urlunsplit(parts._replace(query=query))


def launched(session: Session, unit: AssignableUnit, base: str) -> Json:
    """Return the statement "launched" (section 9.3.1)."""
    found = _said(Verb.LAUNCHED, session, base, session.launched_at)
    found["context"]["extensions"] |= {
        f"{EXTENSION}launchmode": WORDS[session.mode],
        f"{EXTENSION}launchurl": unit.url,
        f"{EXTENSION}moveon": _move_on(unit),
        **_if(MASTERY_SCORE, session.mastery_score),
        **_if(f"{EXTENSION}launchparameters", unit.launch_parameters),
    }
    return found


def abandoned(session: Session, base: str, now: datetime) -> Json:
    """Return the statement "abandoned", with the time from the launch to the unit's last statement
    (section 9.5.4.2).
    """
    lasted = (session.last_at or session.launched_at) - session.launched_at
    seconds = max(lasted, timedelta()).total_seconds()
    return _said(Verb.ABANDONED, session, base, now) | {"result": {"duration": f"PT{seconds:.2f}S"}}


def waived(session: Session, reason: WaiveReason, base: str, now: datetime) -> Json:
    """Return the statement "waived" (section 9.3.7). `session`: one that is never launched."""
    result = {"success": True, "completion": True, "extensions": {REASON: WORDS[reason]}}
    found = _said(Verb.WAIVED, session, base, now) | {"result": result}
    found["context"]["contextActivities"]["category"].append({"id": MOVE_ON_CATEGORY})
    return found


def satisfied(session: Session, base: str, now: datetime) -> Json:
    """Return the statement "satisfied" of the course, which is the run (section 9.3.9)."""
    course = {"id": run_iri(base, session.run_id), "definition": {"type": COURSE}}
    return _said(Verb.SATISFIED, session, base, now) | {"object": course}


def _said(verb: Verb, session: Session, base: str, at: datetime) -> Json:
    """Return a cmi5 defined statement of a session."""
    context = context_template(session, base)
    context["contextActivities"]["category"] = [{"id": CATEGORY}]
    return {
        "actor": person_iri(base, session.learner_id),
        "verb": {"id": verb.value, "display": {"en": verb.value.rpartition("/")[2]}},
        "object": {"id": activity_iri(base, session.run_id, session.activity_id)},
        "context": context,
        "timestamp": timestamp_text(at),
    }


def _move_on(unit: AssignableUnit) -> str:
    return WORDS[unit.move_on] if unit.move_on else "NotApplicable"


def _if(name: str, value: object) -> Mapping[str, object]:
    """Return a property; none if there is no value."""
    return {} if value in (None, "") else {name: value}
