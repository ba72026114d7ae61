"""Sample values of each kind of notice, for previews and checks."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from services.notify.domain.enums import Kind
from services.notify.domain.values import DIGEST, FOLD, Written, declared

ZONE = "Europe/Dublin"
NAME = "Ada"
COUNTS = (0, 1, 2, 3, 11, 100)
"""One number for each form of the plural that a language may have (CLDR)."""

_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
_MIDNIGHT = datetime(2026, 3, 14, tzinfo=UTC)
_DAY = timedelta(days=1)

# A name means the same in each kind that has it.
_BY_NAME: Mapping[str, object] = {
    "run": "Physics for Engineers",
    "session": "Waves and Optics",
    "start_time": _AT,
    "old_start_time": _AT,
    "old_room": "Lecture Hall 2",
    "new_start_time": _AT + 2 * _DAY,
    "new_room": "Lab B-14",
    "room": "Lecture Hall 2",
    "instructor": "Curie",
    "reason": "The heating in the hall has failed.",
    "substitute_item_id": "item-optics",
    "substitute": "Optics: an Introduction",
    "substitutes": ["Optics: an Introduction", "Waves on Strings (video)"],
    "seat": "IN_ROOM",
    "from_session": "Waves and Optics, group 2",
    "from_start_time": _AT + _DAY,
    "from_seat": "ONLINE",
    "expires": _AT - timedelta(hours=3),
    "answer_by": _AT - timedelta(hours=3),
    "items": ["Recording of 2 March", "Optics: an Introduction"],
    "due": _MIDNIGHT,
    "usual_due": _MIDNIGHT - 7 * _DAY,
    "weeks": [[_MIDNIGHT - 12 * _DAY, 430, 420], [_MIDNIGHT - 5 * _DAY, 390, 420]],
    "in_time": True,
    "was_missed": False,
    "percent": 42,
    "until": _MIDNIGHT,
    "activity": "Essay on Interference",
    "dues": [
        ["Essay on Interference", _MIDNIGHT - 7 * _DAY, _MIDNIGHT, "SESSION_MOVED"],
        ["Quiz 3", _MIDNIGHT, None, "PATH_PUBLISHED"],
    ],
    "activities": ["Essay on Interference", "Quiz 3"],
    "question": "Why is the sky blue at noon and red at sunset?",
    "answer": "Because air scatters short waves more than long ones.",
    "minute": 34,
    "next_session": "Scattering",
    "next_start_time": _AT + 7 * _DAY,
    "left_open": 1,
    "questions": ["Why is the sky blue?", "Is light a wave?"],
    "reasons": [["OVERDUE_WORK", 2], ["ABSENCES", 1], ["SILENCE", 9]],
    "learners": [
        ["Curie", [["OVERDUE_WORK", 2], ["SILENCE", 9]]],
        ["ابن الهيثم", [["ABSENCES", 3]]],
    ],
    "runs": [
        [
            "Physics for Engineers",
            [
                ["Opened: Quiz 3", ['"Quiz 3" is open in "Physics for Engineers".']],
                ["Your question was answered", ["Question: Is light a wave?", "Answer: Yes."]],
            ],
        ],
        ["", [["A seat is free", ["Answer by Monday, 2 March 2026, 06:00 (Europe/Dublin)."]]]],
    ],
    "code": "5.1.1",
    "join_url": "https://meet.university.example/rooms/waves?from=mail",
}
# How many there are, of which these kinds list two.
_COUNTS: Mapping[Written, int] = {
    Kind.SERIES_MOVED: 5,
    Kind.SERIES_CANCELLED: 5,
    Kind.DUES_CHANGED: 2,
    Kind.ACTIVITIES_OPENED: 2,
    Kind.QUESTIONS_WAITING: 2,
    Kind.LEARNERS_FELL_BEHIND: 2,
    DIGEST: 3,
    FOLD: 3,
}
_TIMES: Mapping[Written, object] = {
    Kind.SERIES_MOVED: [[_AT, _AT + _DAY], [_AT + 7 * _DAY, _AT + 8 * _DAY]],
    Kind.SERIES_CANCELLED: [_AT, _AT + 7 * _DAY],
}


def sample(kind: Written) -> dict[str, Any]:
    """Return sample values of a kind."""
    known = {**_BY_NAME, "count": _COUNTS.get(kind), "times": _TIMES.get(kind)}
    return {name: known[name] for name in declared(kind)}


def samples(kind: Written) -> Iterator[dict[str, Any]]:
    """Yield values of a kind for all branches of its templates: all given, the least that may be
    given, and each number of things for which a language may have words of its own.
    """
    whole, least = sample(kind), {name: _least(hint) for name, hint in declared(kind).items()}
    yield whole
    yield least
    yield {**least, **{name: value for name, value in whole.items() if isinstance(value, str)}}
    for name, hint in declared(kind).items():
        if hint is bool:
            yield {**whole, name: not whole[name]}
        if least[name] is None:
            yield {**whole, name: None}
        for count in COUNTS:
            if hint is int:
                yield {**whole, name: count}
            if isinstance(whole[name], list):
                yield {**whole, name: (whole[name] * count)[:count]}


def _least(hint: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _least(inner[0])
    if origin in (Union, UnionType):
        return None
    if origin is not None:
        return []
    return _AT if hint is datetime else hint()
