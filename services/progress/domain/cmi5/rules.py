"""Which statements a session's credential may store (sections 7.1.3 and 9).

Statements are judged in the order of their timestamps (section 9.3). Those of cmi5's category are
"cmi5 defined", and all rules are about them; others are "cmi5 allowed", and need the session's
context and a place between "initialized" and "terminated".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chassis.errors import FieldViolation
from services.progress.domain.cmi5.categories import has_category, is_defined
from services.progress.domain.cmi5.said import context_template
from services.progress.domain.cmi5.sessions import Session, Unit
from services.progress.domain.cmi5.terms import (
    MASTERY_SCORE,
    MOVE_ON_CATEGORY,
    OF_UNITS,
    PROGRESS,
    SESSION_ID,
    LaunchMode,
    Rule,
    Verb,
)
from services.progress.domain.evidence import latest
from services.progress.domain.statements import FUTURE
from services.progress.domain.xapi.identities import context_activities
from services.progress.domain.xapi.places import activity_iri, person_of
from services.progress.domain.xapi.timestamps import instant_of
from services.progress.domain.xapi.voiding import is_voiding

Statement = Mapping[str, Any]
Faults = Iterator[FieldViolation]
_UTC = ("Z", "+00:00", "+0000", "+00")
_JUDGED = frozenset({Verb.PASSED, Verb.FAILED})
_LASTING = frozenset({Verb.COMPLETED, Verb.PASSED, Verb.FAILED, Verb.TERMINATED})
"""The verbs whose statements tell a duration (section 9.5.4.1)."""
_SUCCESS = {Verb.PASSED: True, Verb.FAILED: False}
_COMPLETION = {Verb.COMPLETED: True}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a session and its unit are after some statements, and what was wrong with these."""

    session: Session
    unit: Unit
    faults: tuple[FieldViolation, ...] = ()
    broken: tuple[Rule, ...] = ()
    """The rules that these break, for each of the statements."""


def judged(
    session: Session, unit: Unit, statements: Sequence[Statement], base: str, now: datetime
) -> Judgement:
    """Return the judgement of new, valid statements with ids, which a session sends at once.

    `unit`: what is known of the unit in the registration. If there are faults, nothing of them is
    to be stored.
    """
    found = Judgement(session, unit)
    for each in sorted(statements, key=lambda one: _at(one) or now):
        found = _with(found, each, base, now)
    return found


def _with(before: Judgement, statement: Statement, base: str, now: datetime) -> Judgement:
    session, unit, at = before.session, before.unit, _at(statement) or now
    found = {rule: [*each] for rule, each in _checks(before, statement, base, at, now).items()}
    broken = [rule for rule, faults in found.items() if faults]
    if not broken:
        session, unit = _after(session, unit, statement, at, now)
    told = [
        replace(each, wrong=f"of {statement['id']} {each.wrong}")
        for faults in found.values()
        for each in faults
    ]
    return Judgement(session, unit, (*before.faults, *told), (*before.broken, *broken))


def _checks(
    before: Judgement, statement: Statement, base: str, at: datetime, now: datetime
) -> dict[Rule, Faults]:
    """Return what is wrong with a statement, by the rule that it breaks."""
    session, unit = before.session, before.unit
    checks = {
        Rule.CONTEXT: _context_faults(statement, session, base),
        Rule.ORDER: _order_faults(statement, session, at),
        Rule.TIMESTAMP: _timestamp_faults(statement, at, now),
        Rule.VERB: _voiding_faults(statement),
    }
    if is_defined(statement):
        checks |= {
            Rule.OBJECT: _object_faults(statement, session, base),
            Rule.VERB: _verb_faults(statement, session, unit, at),
            Rule.RESULT: _result_faults(statement, session),
        }
    return checks


def _after(
    session: Session, unit: Unit, statement: Statement, at: datetime, now: datetime
) -> tuple[Session, Unit]:
    session = replace(
        session, last_at=latest(session.last_at, at), statements=session.statements + 1
    )
    if not is_defined(statement):
        return session, unit
    verb = Verb(statement["verb"]["id"])
    session = replace(session, verbs=(*session.verbs, verb))
    match verb:
        case Verb.INITIALIZED:
            return replace(session, initialized_at=at), unit
        case Verb.TERMINATED:
            return replace(session, terminated_at=at, ended_at=now), unit
        case Verb.COMPLETED:
            return session, replace(unit, completed_at=at)
        case Verb.PASSED:
            return session, replace(unit, passed_at=at)
    return session, unit


# What each statement of a session has


def _context_faults(statement: Statement, session: Session, base: str) -> Faults:
    context = statement.get("context", {})
    if person_of(statement["actor"], base) != session.learner_id:
        yield FieldViolation("actor", "is another one", "the actor of the launch (section 9.2)")
    if str(context.get("registration", "")).lower() != session.registration:
        yield FieldViolation("context.registration", "is another one", session.registration)
    if context.get("extensions", {}).get(SESSION_ID) != session.id:
        wrong = "is not the session's"
        yield FieldViolation(f"context.extensions[{SESSION_ID}]", wrong, session.id)
    named = {each.get("id") for each in context_activities(statement, "grouping")}
    for each in context_template(session, base)["contextActivities"]["grouping"]:
        if each["id"] not in named:
            wrong = f"lacks {each['id']}"
            right = "all of contextTemplate (section 10)"
            yield FieldViolation("context.contextActivities.grouping", wrong, right)


def _voiding_faults(statement: Statement) -> Faults:
    if is_voiding(statement):
        yield FieldViolation("verb", "voids a statement", "no voiding by a unit")


def _timestamp_faults(statement: Statement, at: datetime, now: datetime) -> Faults:
    if not str(statement.get("timestamp", "")).upper().endswith(_UTC):
        wrong = "is missing, or not in UTC"
        yield FieldViolation("timestamp", wrong, "a time in UTC (section 9.7)")
    if at > now + FUTURE:
        wrong = "is more than a day in the future"
        yield FieldViolation("timestamp", wrong, "when it happened (section 9.7)")


def _order_faults(statement: Statement, session: Session, at: datetime) -> Faults:
    """Yield why a statement is at a wrong place among those of the session (section 9.3)."""
    is_first = is_defined(statement) and statement["verb"]["id"] == Verb.INITIALIZED
    if session.initialized_at is None and not is_first:
        yield FieldViolation("verb", "comes before initialized", "initialized as the first one")
    if session.initialized_at is not None and at < session.initialized_at:
        yield FieldViolation("timestamp", "is before that of initialized", "a later one")
    if session.terminated_at is not None and at > session.terminated_at:
        yield FieldViolation("timestamp", "is after that of terminated", "terminated as the last")


# What cmi5 defined statements have


def _object_faults(statement: Statement, session: Session, base: str) -> Faults:
    iri = activity_iri(base, session.run_id, session.activity_id)
    if statement["object"].get("id") != iri:
        yield FieldViolation("object.id", "is not the unit's", f"{iri} (section 9.4)")


def _verb_faults(statement: Statement, session: Session, unit: Unit, at: datetime) -> Faults:
    verb = statement["verb"]["id"]
    if verb not in OF_UNITS:
        right = "initialized, completed, passed, failed or terminated (section 9.3)"
        yield FieldViolation("verb", f"is {verb[:200]}", right)
    if verb in session.verbs:
        yield FieldViolation("verb", "comes once more in its session", "each verb once")
    elif verb in _JUDGED and not _JUDGED.isdisjoint(session.verbs):
        yield FieldViolation("verb", "comes beside passed or failed", "one of both in a session")
    if session.mode is not LaunchMode.NORMAL and verb in OF_UNITS - {
        Verb.INITIALIZED,
        Verb.TERMINATED,
    }:
        wrong = f"comes in a session of the mode {session.mode}"
        yield FieldViolation("verb", wrong, "initialized and terminated alone (section 10)")
    if verb == Verb.TERMINATED and session.last_at is not None and at < session.last_at:
        yield FieldViolation("timestamp", "is before another statement's", "terminated as the last")
    yield from _registration_faults(verb, session, unit, at)


def _registration_faults(verb: str, session: Session, unit: Unit, at: datetime) -> Faults:
    """Yield what was said before in the registration, perhaps in another session."""
    said = {Verb.COMPLETED: unit.completed_at, Verb.PASSED: unit.passed_at}
    if verb in said and verb not in session.verbs and said[Verb(verb)] is not None:
        yield FieldViolation("verb", "was said in the registration", "once in a registration")
    if verb == Verb.FAILED and unit.passed_at is not None and at >= unit.passed_at:
        yield FieldViolation("verb", "is failed after passed", "no failure after a pass")


def _result_faults(statement: Statement, session: Session) -> Faults:
    verb, result = statement["verb"]["id"], statement.get("result", {})
    for name, values in (("success", _SUCCESS), ("completion", _COMPLETION)):
        if result.get(name) is not values.get(verb):
            right = "none" if verb not in values else str(values[verb]).lower()
            wrong = f"is {str(result.get(name)).lower()}"
            yield FieldViolation(f"result.{name}", wrong, f"{right} (sections 9.5.2 and 9.5.3)")
    if verb in _LASTING and "duration" not in result:
        yield FieldViolation("result.duration", "is missing", "a duration (section 9.5.4.1)")
    is_judging = "success" in result or "completion" in result
    if has_category(statement, MOVE_ON_CATEGORY) != is_judging:
        wrong = "lacks moveon" if is_judging else "has moveon"
        right = "moveon with success or completion, and only then (section 9.6.2.2)"
        yield FieldViolation("context.contextActivities.category", wrong, right)
    yield from _progress_faults(result)
    if score := result.get("score"):
        yield from _score_faults(verb, score, statement, session)


def _progress_faults(result: Statement) -> Faults:
    told = result.get("extensions", {}).get(PROGRESS, 0)
    if isinstance(told, bool) or not isinstance(told, int) or not 0 <= told <= 100:
        wrong, right = "is no percentage", "an integer from 0 to 100 (section 9.5.5.1)"
        yield FieldViolation(f"result.extensions[{PROGRESS}]", wrong, right)


def _score_faults(verb: str, score: Statement, statement: Statement, session: Session) -> Faults:
    """Yield what is wrong with a score (section 9.5.1), also beside the mastery score."""
    if verb not in _JUDGED:
        yield FieldViolation("result.score", "is there", "a score with passed or failed alone")
        return
    if "raw" in score and not {"min", "max"} <= score.keys():
        yield FieldViolation("result.score", "has raw without min and max", "all three")
    scaled, least = score.get("scaled"), session.mastery_score
    if scaled is None:
        return
    if scaled < 0:
        yield FieldViolation("result.score.scaled", f"is {scaled}", "0 to 1")
    if least is None:
        return
    if (verb == Verb.PASSED and scaled < least) or (verb == Verb.FAILED and scaled >= least):
        wrong = f"is {scaled}, and the mastery score {least}"
        yield FieldViolation(
            "result.score.scaled", wrong, "a verb that fits (sections 9.3.4, 9.3.5)"
        )
    if statement.get("context", {}).get("extensions", {}).get(MASTERY_SCORE) != least:
        wrong = "is not the launch's"
        field = f"context.extensions[{MASTERY_SCORE}]"
        yield FieldViolation(field, wrong, f"{least} (section 9.6.3.2)")


def _at(statement: Statement) -> datetime | None:
    return instant_of(str(statement.get("timestamp", "")))
