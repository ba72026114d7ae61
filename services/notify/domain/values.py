"""The values of each kind of notice, and of digests, with their types: what their templates may and
must name.

mypy checks that whoever makes a notice gives every value, and no other. A message is stored with
its values and read by later versions, so a value is never renamed or retyped; one that is added is
listed in ADDED with what stands for it in the messages of older versions.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from services.notify.domain.enums import Kind


class BadValues(ValueError):
    """Values that their kind does not declare, or not all that it does."""


Code = Annotated[str, "code"]
"""A name that templates compare, and never show."""
Link = Annotated[str, "link"]
"""An address of the web, or nothing."""
Marked = Annotated[str, "marked"]
"""A line that was written of a notice: its values are marked already."""

DIGEST: Final = "digest"
FOLD: Final = "class_changes"
Written = Kind | Literal["digest", "class_changes"]
"""What texts are written of: a kind of notice, a digest of notices of any kind, or a fold of urgent
ones (domain/folds.py).
"""
WRITTEN: tuple[Written, ...] = (*Kind, DIGEST, FOLD)


class OfRun(TypedDict):
    """A run."""

    run: str


class OfClass(TypedDict):
    """A class."""

    session: str
    start_time: datetime


class SessionMoved(TypedDict):
    """A class, and its time and room before and after."""

    session: str
    old_start_time: datetime
    old_room: str
    new_start_time: datetime
    new_room: str
    instructor: str
    """Who teaches from now; empty: who taught."""
    reason: str


class SessionCancelled(OfClass):
    """A class, and what to study in its place."""

    reason: str
    substitute_item_id: str
    substitute: str
    """The item's title."""


class SeriesMoved(TypedDict):
    """Classes that moved together; `count` of them, of which `times` lists the first."""

    session: str
    count: int
    times: Sequence[tuple[datetime, datetime]]
    """Before and after."""
    old_room: str
    new_room: str
    instructor: str
    reason: str


class SeriesCancelled(TypedDict):
    """Classes that were cancelled together; `count` of them, of which `times` lists the first."""

    session: str
    count: int
    times: Sequence[datetime]
    reason: str
    substitutes: Sequence[str]


class MeetingFailed(OfClass):
    """A class, and why it has no online room."""

    reason: str


class OfSeat(OfClass):
    """A class, and the kind of the seat in it."""

    seat: Code


class SeatSwapped(OfSeat):
    """The seat that the learner has, and the one given for it."""

    from_session: str
    from_start_time: datetime
    from_seat: Code


class SeatOffered(OfClass):
    """A class, and until when to answer."""

    expires: datetime


class HelpInvited(OfSeat):
    """A help session, and until when to answer."""

    room: str
    answer_by: datetime


class CatchUp(TypedDict):
    """What to catch up on, and until when."""

    session: str
    items: Sequence[str]
    due: datetime
    usual_due: datetime | None
    """The deadline that the run's policy would set, if `due` is later."""
    weeks: Sequence[tuple[datetime, int, int]]
    """Weeks without room: the beginning, the minutes planned, the minutes there are."""


class CatchUpCompleted(TypedDict):
    """A class that was caught up on."""

    session: str
    in_time: bool
    was_missed: bool
    """True if it had counted as missed or late."""


class CatchUpMissed(TypedDict):
    """A class that was not caught up on."""

    session: str
    due: datetime
    percent: int


class DueExtended(OfRun):
    """An activity with more time."""

    activity: str
    until: datetime


class Due(OfRun):
    """An activity and its deadline."""

    activity: str
    due: datetime


class DuesChanged(OfRun):
    """Deadlines that changed; `count` of them, of which `dues` lists the first."""

    count: int
    dues: Sequence[tuple[str, datetime | None, datetime | None, Code]]
    """The activity, the deadline before and after, and the cause."""


class ActivitiesOpened(OfRun):
    """Activities that opened; `count` of them, of which `activities` lists the first."""

    count: int
    activities: Sequence[str]


class QuestionAnswered(OfRun):
    """A question and its answer."""

    question: str
    answer: str
    session: str
    """The class in which it was answered live; empty: in none."""
    minute: int


class QuestionCarriedOver(OfRun):
    """A question that a class left open, and the class that takes it over."""

    question: str
    session: str
    next_session: str
    next_start_time: datetime | None


class QuestionsWaiting(OfRun):
    """Questions that wait; `count` of them, of which `questions` lists the first."""

    count: int
    left_open: int
    questions: Sequence[str]


class FellBehind(OfRun):
    """Why a learner fell behind: each reason with its number."""

    reasons: Sequence[tuple[Code, int]]


class LearnersFellBehind(OfRun):
    """Learners who fell behind; `count` of them, of whom `learners` lists the first."""

    count: int
    learners: Sequence[tuple[str, Sequence[tuple[Code, int]]]]


class Reminder(OfClass):
    """A class that begins soon."""

    room: str
    join_url: Link


class MailReturned(TypedDict):
    """That mail to the person's address comes back, with the mail server's status (RFC 3463)."""

    code: str


class Digest(TypedDict):
    """News, `count` of them, by run: each has a title and lines. Those of no run have no name."""

    count: int
    runs: Sequence[tuple[str, Sequence[tuple[Marked, Sequence[Marked]]]]]


DECLARED: Mapping[Written, type[Any]] = {
    Kind.ENROLMENT_PROMOTED: OfRun,
    Kind.SESSION_MOVED: SessionMoved,
    Kind.SESSION_CANCELLED: SessionCancelled,
    Kind.SERIES_MOVED: SeriesMoved,
    Kind.SERIES_CANCELLED: SeriesCancelled,
    Kind.SESSION_NOT_HELD: OfClass,
    Kind.MEETING_FAILED: MeetingFailed,
    Kind.MEETING_MADE: OfClass,
    Kind.SEAT_PROMOTED: OfSeat,
    Kind.SEAT_SWAPPED: SeatSwapped,
    Kind.SEAT_OFFERED: SeatOffered,
    Kind.HELP_INVITED: HelpInvited,
    Kind.CATCH_UP_ASSIGNED: CatchUp,
    Kind.CATCH_UP_CHANGED: CatchUp,
    Kind.CATCH_UP_COMPLETED: CatchUpCompleted,
    Kind.CATCH_UP_MISSED: CatchUpMissed,
    Kind.DUE_EXTENDED: DueExtended,
    Kind.DUE_APPROACHING: Due,
    Kind.DUE_MISSED: Due,
    Kind.DUES_CHANGED: DuesChanged,
    Kind.ACTIVITIES_OPENED: ActivitiesOpened,
    Kind.QUESTION_ANSWERED: QuestionAnswered,
    Kind.QUESTION_CARRIED_OVER: QuestionCarriedOver,
    Kind.QUESTIONS_WAITING: QuestionsWaiting,
    Kind.FELL_BEHIND: FellBehind,
    Kind.LEARNERS_FELL_BEHIND: LearnersFellBehind,
    Kind.REMINDER: Reminder,
    Kind.MAIL_RETURNED: MailReturned,
    DIGEST: Digest,
    FOLD: Digest,
}
"""The values of each kind, and of digests."""

ADDED: Mapping[Written, Mapping[str, Any]] = {
    Kind.SESSION_MOVED: {"instructor": ""},
    Kind.SESSION_CANCELLED: {"substitute": ""},
    Kind.CATCH_UP_COMPLETED: {"was_missed": False},
}
"""Values that were added to a kind, with what stands for them in a notice of an older version."""


@cache
def declared(kind: Written) -> Mapping[str, Any]:
    """Return the values of a kind: their types by name."""
    return get_type_hints(DECLARED[kind], include_extras=True)


def checked(kind: Written, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with those that a notice of an older version lacks. Raises BadValues."""
    whole = {**ADDED.get(kind, {}), **values}
    if wrong := faults(kind, whole):
        raise BadValues("; ".join(wrong))
    return whole


def faults(kind: Written, values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the values of a kind: each missing, unknown or mistyped one."""
    wanted = declared(kind)
    return [
        *(f"{name}: missing" for name in wanted if name not in values),
        *(f"{name}: {kind} has no such value" for name in values if name not in wanted),
        *(
            fault
            for name, hint in wanted.items()
            if name in values
            for fault in _faults(name, hint, values[name])
        ),
    ]


def _faults(place: str, hint: Any, value: Any) -> Iterator[str]:
    """Yield what is wrong with a value: a Sequence may be a list or a tuple, and a tuple a list,
    as a document has them.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Annotated, Union, UnionType):  # a Union is one type or None
        if value is not None or origin is Annotated:
            yield from _faults(place, inner[0], value)
    elif origin is None:
        # In Python True is a number, too.
        if not isinstance(value, hint) or isinstance(value, bool) != (hint is bool):
            yield f"{place}: {type(value).__name__}, not {hint.__name__}"
    elif not isinstance(value, list | tuple):
        yield f"{place}: {type(value).__name__}, not a list"
    else:
        yield from _faults_within(place, inner if origin is tuple else inner * len(value), value)


def _faults_within(place: str, hints: Sequence[Any], items: Sequence[Any]) -> Iterator[str]:
    if len(hints) != len(items):
        yield f"{place}: {len(items)} values, not {len(hints)}"
        return
    for number, (hint, item) in enumerate(zip(hints, items, strict=True)):
        yield from _faults(f"{place}[{number}]", hint, item)
