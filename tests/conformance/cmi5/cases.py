"""A session of cmi5, and the statements that its unit may send."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.progress.domain.cmi5.rules import Judgement, judged
from services.progress.domain.cmi5.said import context_template
from services.progress.domain.cmi5.sessions import Session, Unit
from services.progress.domain.cmi5.terms import CATEGORY, MOVE_ON_CATEGORY, Verb
from services.progress.domain.xapi.completed import timestamp_text
from services.progress.domain.xapi.places import activity_iri, person_iri

BASE = "https://progress.uni.example/xapi"
LAUNCHED = datetime(2026, 3, 2, 8, tzinfo=UTC)
Json = dict[str, Any]
Change = Callable[[Json], object]

SESSION = Session(
    id="5a2f6d0e-6a3c-4a5c-9f5b-0d9f0f4a7b11",
    run_id="run-1",
    learner_id="ada",
    activity_id="quiz",
    registration="0c5b8f6e-9d1a-5c7e-8b2f-3a4d5e6f7a8b",
    publisher_id="https://pub.example/quiz",
    mastery_score=0.8,
    launched_at=LAUNCHED,
    fetch_hash="",
)
RESULTS: Mapping[str, Json] = {
    Verb.COMPLETED: {"completion": True, "duration": "PT5M"},
    Verb.PASSED: {"success": True, "duration": "PT5M"},
    Verb.FAILED: {"success": False, "duration": "PT5M"},
    Verb.TERMINATED: {"duration": "PT6M"},
}


def at(minute: float) -> datetime:
    """Return an instant so many minutes after the launch."""
    return LAUNCHED + timedelta(minutes=minute)


def allowed(minute: float = 1, change: Change = lambda _: None) -> Json:
    """Return a cmi5 allowed statement, with a change."""
    found = {
        "id": str(uuid.uuid4()),
        "actor": person_iri(BASE, "ada"),
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": "https://pub.example/question"},
        "context": context_template(SESSION, BASE),
        "timestamp": timestamp_text(at(minute)),
    }
    change(found)
    return found


def defined(verb: Verb | str, minute: float = 1, change: Change = lambda _: None) -> Json:
    """Return a cmi5 defined statement, with a change."""
    found = allowed(minute)
    result = RESULTS.get(str(verb), {})
    found["verb"] = {"id": str(verb)}
    found["object"] = {"id": activity_iri(BASE, "run-1", "quiz")}
    categories = [
        CATEGORY,
        *([MOVE_ON_CATEGORY] if {"success", "completion"} & result.keys() else []),
    ]
    found["context"]["contextActivities"]["category"] = [{"id": each} for each in categories]
    if result:
        found["result"] = dict(result)
    change(found)
    return found


def judge(
    *statements: Json, begun: bool = True, unit: Unit | None = None, **more: Any
) -> Judgement:
    """Return the judgement of statements that are sent at once; `begun`: after initialized."""
    session = replace(SESSION, **more)
    if begun:
        session = judged(session, Unit(), [defined(Verb.INITIALIZED, 0)], BASE, at(0)).session
    return judged(session, unit or Unit(), statements, BASE, at(9))


def fields(judgement: Judgement) -> list[str]:
    """Return the fields that are wrong."""
    return [each.field for each in judgement.faults]
