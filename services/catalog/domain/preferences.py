"""Learners' wishes of mode. An enrolment keeps the wish, and its mode stays."""

from dataclasses import dataclass, replace

from services.catalog.domain.enrolments import Enrolment
from services.catalog.domain.enums import AttendanceMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """How a learner would like to take part in a run; None: no mode is wished."""

    run_id: str
    learner_id: str
    mode: AttendanceMode | None


def preference_of(enrolment: Enrolment) -> Preference:
    """Return the wish of a learner."""
    return Preference(
        run_id=enrolment.run_id, learner_id=enrolment.learner_id, mode=enrolment.preference
    )


def wishing(enrolment: Enrolment, mode: AttendanceMode | None) -> Enrolment:
    """Return the enrolment of a learner who wishes a mode; None: the wish is taken back."""
    return replace(enrolment, preference=mode)
