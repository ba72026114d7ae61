"""The vocabulary of cmi5 (sections 9.3, 9.5 and 9.6)."""

from collections.abc import Mapping
from enum import StrEnum

from services.progress.domain.enums import LaunchMethod, MoveOn

ADL, W3ID = "http://adlnet.gov/expapi/verbs/", "https://w3id.org/xapi/adl/verbs/"
CMI5 = "https://w3id.org/xapi/cmi5/"
CATEGORY = f"{CMI5}context/categories/cmi5"
MOVE_ON_CATEGORY = f"{CMI5}context/categories/moveon"
COURSE = f"{CMI5}activitytype/course"
EXTENSION = f"{CMI5}context/extensions/"
SESSION_ID, MASTERY_SCORE = f"{EXTENSION}sessionid", f"{EXTENSION}masteryscore"
PROGRESS, REASON = f"{CMI5}result/extensions/progress", f"{CMI5}result/extensions/reason"
LAUNCH_DATA = "LMS.LaunchData"
"""The id of the state document that a unit reads at its start (section 10)."""


class Verb(StrEnum):
    """The verbs of cmi5 (section 9.3)."""

    LAUNCHED = f"{ADL}launched"
    INITIALIZED = f"{ADL}initialized"
    COMPLETED = f"{ADL}completed"
    PASSED = f"{ADL}passed"
    FAILED = f"{ADL}failed"
    TERMINATED = f"{ADL}terminated"
    ABANDONED = f"{W3ID}abandoned"
    WAIVED = f"{W3ID}waived"
    SATISFIED = f"{W3ID}satisfied"


OF_UNITS = frozenset({Verb.INITIALIZED, Verb.COMPLETED, Verb.PASSED, Verb.FAILED, Verb.TERMINATED})
"""The verbs that units use; the others are the platform's."""


class Rule(StrEnum):
    """What statements of a session must keep to, by its section."""

    CONTEXT = "CONTEXT"
    """9.2, 9.6 and 10: the actor, and the context of the session."""
    ORDER = "ORDER"
    """9.3: the place between "initialized" and "terminated"."""
    TIMESTAMP = "TIMESTAMP"
    """9.7."""
    OBJECT = "OBJECT"
    """9.4."""
    VERB = "VERB"
    """9.3: which verbs, and how often."""
    RESULT = "RESULT"
    """9.5."""
    ENDED = "ENDED"
    """9.3.6 and 9.3.8: an ended session takes nothing more."""


class LaunchMode(StrEnum):
    """Whether a session records completion (section 10)."""

    NORMAL = "NORMAL"
    BROWSE = "BROWSE"
    REVIEW = "REVIEW"


class WaiveReason(StrEnum):
    """Why a unit is waived (section 9.5.5.2)."""

    TESTED_OUT = "TESTED_OUT"
    EQUIVALENT_AU = "EQUIVALENT_AU"
    EQUIVALENT_OUTSIDE_ACTIVITY = "EQUIVALENT_OUTSIDE_ACTIVITY"
    ADMINISTRATIVE = "ADMINISTRATIVE"


WORDS: Mapping[StrEnum, str] = {
    LaunchMode.NORMAL: "Normal",
    LaunchMode.BROWSE: "Browse",
    LaunchMode.REVIEW: "Review",
    LaunchMethod.ANY_WINDOW: "AnyWindow",
    LaunchMethod.OWN_WINDOW: "OwnWindow",
    MoveOn.PASSED: "Passed",
    MoveOn.COMPLETED: "Completed",
    MoveOn.COMPLETED_AND_PASSED: "CompletedAndPassed",
    MoveOn.COMPLETED_OR_PASSED: "CompletedOrPassed",
    MoveOn.NOT_APPLICABLE: "NotApplicable",
    WaiveReason.TESTED_OUT: "Tested Out",
    WaiveReason.EQUIVALENT_AU: "Equivalent AU",
    WaiveReason.EQUIVALENT_OUTSIDE_ACTIVITY: "Equivalent Outside Activity",
    WaiveReason.ADMINISTRATIVE: "Administrative",
}
"""How cmi5 writes our values."""
