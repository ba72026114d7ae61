"""Sessions of assignable units, and registrations: what the platform remembers of both.

A registration is of one enrolment in a run, for all its units (section 9.6.1). It has at most one
session that is under way.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from services.progress.domain.cmi5.terms import LaunchMode, Verb
from services.progress.domain.enums import MoveOn
from services.progress.domain.path import Activity
from services.progress.domain.xapi.clients import Launch
from services.progress.domain.xapi.credentials import hash_of

SESSION = "cmi5-"
"""What the user-id of a session's credential begins with; its id comes after it."""
LASTS = timedelta(hours=12)
"""After its launch a session takes nothing more."""
GRACE = timedelta(minutes=1)
"""So long after "terminated" came, what was said before it may still come (section 9.3.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One launch of a unit, and what the unit said since."""

    id: str
    """A UUID; with `cmi5-` before it, the user-id of the session's credential."""
    run_id: str
    learner_id: str
    activity_id: str
    registration: str
    publisher_id: str
    mastery_score: float | None = None
    mode: LaunchMode = LaunchMode.NORMAL
    launched_at: datetime
    fetch_hash: str
    """The SHA-256 of the key in the fetch URL."""
    secret_hash: str = ""
    """The SHA-256 of the credential's password; empty: it was not fetched."""
    verbs: tuple[Verb, ...] = ()
    """What the unit has said of cmi5's verbs."""
    initialized_at: datetime | None = None
    """By the statement's timestamp, as the next two."""
    last_at: datetime | None = None
    """The latest of all its statements."""
    terminated_at: datetime | None = None
    ended_at: datetime | None = None
    """When the platform learned of its end."""
    abandoned: bool = False
    statements: int = 0
    """How many it stored. Each one is counted, so that two at once conflict, and one of them is
    judged after the other."""

    @property
    def launch(self) -> Launch:
        """Return what its credential is bound to."""
        return Launch(self.id, self.run_id, self.learner_id, self.activity_id, self.registration)

    def is_alive(self, now: datetime) -> bool:
        """Return whether its credential is valid."""
        if self.abandoned or now >= self.launched_at + LASTS:
            return False
        return self.ended_at is None or now < self.ended_at + GRACE

    def opens_with(self, secret: str, now: datetime) -> bool:
        """Return whether a password is right, and the session alive."""
        is_right = hmac.compare_digest(self.secret_hash, hash_of(secret))
        return is_right and bool(self.secret_hash) and self.is_alive(now)


@dataclass(frozen=True, slots=True)
class Unit:
    """What is known of a unit in a registration, by cmi5 defined statements alone."""

    completed_at: datetime | None = None
    passed_at: datetime | None = None
    waived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """A learner's enrolment, as cmi5 sees it."""

    id: str
    run_id: str
    learner_id: str
    session_id: str = ""
    """The last session."""
    units: Mapping[str, Unit] = field(default_factory=dict)
    """By activity."""
    satisfied_at: datetime | None = None
    """When "satisfied" was said of the course."""

    def unit(self, activity_id: str) -> Unit:
        """Return what is known of a unit."""
        return self.units.get(activity_id, Unit())

    def with_unit(self, activity_id: str, unit: Unit) -> "Registration":
        """Return the registration with news of a unit."""
        return replace(self, units={**self.units, activity_id: unit})


def registration_id(base: str, enrolment_id: str) -> str:
    """Return the UUID of an enrolment's registration; always the same."""
    return str(uuid5(NAMESPACE_URL, f"{base}/enrolments/{enrolment_id}"))


def is_satisfied(unit: Unit, move_on: MoveOn | None) -> bool:
    """Return whether a unit's moveOn is met (section 13.1.4); one that only a newer version knows
    is met by a waiver alone.
    """
    completed, passed = unit.completed_at is not None, unit.passed_at is not None
    met = {
        MoveOn.PASSED: passed,
        MoveOn.COMPLETED: completed,
        MoveOn.COMPLETED_AND_PASSED: completed and passed,
        MoveOn.COMPLETED_OR_PASSED: completed or passed,
        MoveOn.NOT_APPLICABLE: True,
    }
    return unit.waived_at is not None or (move_on is not None and met[move_on])


def is_course_satisfied(registration: Registration, activities: Mapping[str, Activity]) -> bool:
    """Return whether the moveOn of all units of a path is met; never if it has none."""
    units = [each for each in activities.values() if each.cmi5]
    return bool(units) and all(
        is_satisfied(registration.unit(each.id), each.cmi5.move_on) for each in units if each.cmi5
    )
