"""Verbs: what the verbs of xAPI statements mean for progress.

The same verb occurs with http and https, in different case, and with a slash at its end. They are
compared without these differences.

| source | verbs below |
|---|---|
| ADL's vocabulary and cmi5 (section 9.3) | adlnet.gov/expapi/verbs |
| cmi5's verbs of the LMS (waived is success, section 9.5) | w3id.org/xapi/adl/verbs |
| the xAPI video profile, 1.0.3 | w3id.org/xapi/video/verbs |
| Activity Streams 1.0, and its xAPI profile | activitystrea.ms/schema/1.0, activitystrea.ms |
| the TinCan registry | id.tincanapi.com/verb |
| ADL's profile of instructional design | w3id.org/xapi/dod-isd/verbs |

Some verbs below are in none of these vocabularies, but players send them: `completed` of the video
profile, of the TinCan registry and of Activity Streams, `submitted` of ADL.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache

ADL, CMI5 = "adlnet.gov/expapi/verbs", "w3id.org/xapi/adl/verbs"
VIDEO, DESIGN = "w3id.org/xapi/video/verbs", "w3id.org/xapi/dod-isd/verbs"
STREAMS, STREAMS_PROFILE = "activitystrea.ms/schema/1.0", "activitystrea.ms"
TINCAN = "id.tincanapi.com/verb"
# A sender may invent verbs; so not all of them are kept.
REMEMBERED = 4_096


class Meaning(StrEnum):
    """What a verb means for progress."""

    COMPLETED = "COMPLETED"
    PASSED = "PASSED"
    FAILED = "FAILED"
    SUBMITTED = "SUBMITTED"
    EXPERIENCED = "EXPERIENCED"
    """Something was read, seen or heard."""
    NOTHING = "NOTHING"
    """The verb is known, and completes nothing."""


_NAMES: Mapping[Meaning, Mapping[str, str]] = {
    Meaning.COMPLETED: {
        ADL: "completed",
        CMI5: "satisfied",
        VIDEO: "completed",
        STREAMS: "complete completed",
        STREAMS_PROFILE: "complete",
        TINCAN: "completed",
    },
    Meaning.PASSED: {ADL: "passed mastered", CMI5: "waived"},
    Meaning.FAILED: {ADL: "failed"},
    Meaning.SUBMITTED: {
        ADL: "submitted",
        DESIGN: "submitted",
        STREAMS: "submit",
        STREAMS_PROFILE: "submit",
    },
    Meaning.EXPERIENCED: {
        ADL: "experienced",
        STREAMS: "consume experience listen read watch",
        STREAMS_PROFILE: "consume experience listen read watch",
        TINCAN: "viewed",
    },
    Meaning.NOTHING: {
        ADL: "answered asked attempted attended commented exited imported initialized interacted"
        " launched logged-in logged-out preferred progressed registered responded resumed scored"
        " shared suspended terminated voided",
        CMI5: "abandoned logged-in logged-out",
        VIDEO: "paused played seeked",
        STREAMS: "access attend close favorite join leave like open play save search share start",
        STREAMS_PROFILE: "access attend close favorite join leave like open play save search share"
        " start",
        TINCAN: "bookmarked downloaded evaluated focused paused previewed rated replied reviewed"
        " scored skipped unfocused unregistered",
    },
}


@lru_cache(REMEMBERED)
def meaning_of(verb: str) -> Meaning | None:
    """Return what a verb means, by its IRI; None if it is not known."""
    _, _, name = verb.lower().partition("://")
    return _MEANINGS.get(name.removeprefix("www.").rstrip("/#"))


def _pairs(names: Mapping[Meaning, Mapping[str, str]]) -> Iterator[tuple[str, Meaning]]:
    for meaning, by_source in names.items():
        for source, words in by_source.items():
            yield from ((f"{source}/{word}", meaning) for word in words.split())


_MEANINGS: Mapping[str, Meaning] = dict(_pairs(_NAMES))
