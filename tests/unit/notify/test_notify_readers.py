"""What makes mail of each kind stale before its turn comes: one table of all kinds."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chassis.staff import teachers
from services.notify.domain.enums import (
    AttendanceMode,
    Channel,
    DeliveryState,
    EnrolmentState,
    Kind,
    SessionPurpose,
)
from services.notify.domain.fall_news import Fall
from services.notify.domain.messages import LEFT, NOT_EXPECTED, NOT_TEACHING, VANISHED, Delivery
from services.notify.domain.notices import RULES, About
from services.notify.domain.path_news import DueDigest, DueMove
from services.notify.domain.people import CatchUp, Due, Enrolment, Question, Run, SeatOffer, Series
from services.notify.domain.readers import not_for
from services.notify.domain.sessions import Session
from services.notify.domain.standing import Known, Standing, standing

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
SESSION = Session(
    id="s",
    run_id="r",
    title="Waves",
    instructor_id="eve",
    start_time=NOW + HOUR,
    end_time=NOW + 2 * HOUR,
    room="Aula",
    join_url="",
    standing=True,
    event_id="e",
    event_type="t",
    sequence=3,
    group_ids=("blue",),
)
STAFF = teachers(("grace", "ada"))
RUN = Run("r", "Physics", ends_at=NOW + 99 * HOUR, instructor_ids=("grace", "ada"), staff=STAFF)
PLACE = Enrolment(
    "r-ada", "r", "ada", EnrolmentState.ENROLLED, 1, AttendanceMode.CLASSROOM, 1, ("blue",), 1
)
OLD = Known(
    sessions={"s": SESSION},
    catch_ups={"c": CatchUp("c", 3)},
    runs={"r": RUN},
    dues={"d": Due("d", 3)},
    series={"w": Series("w", 3)},
    offers={"o": SeatOffer("o", 3)},
    digests={},
    questions={"q": Question("q", 3)},
    falls={"f": Fall("f", "r", "ada", 3, "e", "t", is_behind=True)},
)
ABOUT = About(
    session_id="s",
    start_time=SESSION.start_time,
    end_time=SESSION.end_time,
    room="Aula",
    sequence=3,
)
SERIES = replace(ABOUT, session_id="", series_id="w")
ABOUTS = {
    Kind.SERIES_MOVED: SERIES,
    Kind.SERIES_CANCELLED: SERIES,
    Kind.SEAT_OFFERED: replace(ABOUT, offer_id="o"),
    Kind.HELP_INVITED: replace(ABOUT, offer_id="o"),
    **{each: replace(ABOUT, session_id="", catch_up_id="c", end_time=NOW + HOUR)
       for each in (Kind.CATCH_UP_ASSIGNED, Kind.CATCH_UP_CHANGED)},
    **{each: About(catch_up_id="c", sequence=3)
       for each in (Kind.CATCH_UP_COMPLETED, Kind.CATCH_UP_MISSED)},
    Kind.DUE_EXTENDED: About(end_time=NOW + HOUR),
    Kind.DUE_APPROACHING: About(due_id="d", sequence=3, end_time=NOW + HOUR),
    Kind.DUE_MISSED: About(due_id="d", sequence=3),
    Kind.DUES_CHANGED: About(
        enrolment_id="r-ada", activity_ids=("essay",), sequence=3, end_time=NOW + HOUR
    ),
    Kind.QUESTION_CARRIED_OVER: About(question_id="q", sequence=3),
    Kind.FELL_BEHIND: About(fall_id="f", sequence=3),
    Kind.LEARNERS_FELL_BEHIND: About(listed={"f": 3}),
    Kind.QUESTIONS_WAITING: About(listed={"q": 3}, to_staff=True),
}  # fmt: skip
BY_NOTHING = {
    Kind.ENROLMENT_PROMOTED,
    Kind.ACTIVITIES_OPENED,
    Kind.QUESTION_ANSWERED,
    Kind.MAIL_RETURNED,
}
"""Kinds that tell of nothing with versions."""

MODE, GROUP, NEWER, CANCELLED, LATE, RUN_OVER, TEACHER, WITHDRAWN = (
    "the learner studies alone now",
    "the learner is in another group now",
    "there is newer news of the same thing",
    "the class was cancelled",
    "its time is past",
    "the run is over",
    "someone else teaches now",
    "the learner has withdrawn",
)
CLASS = {MODE, GROUP, WITHDRAWN, LATE}
THING = {NEWER, WITHDRAWN}
STALE_BY: dict[Kind, set[str]] = {
    Kind.ENROLMENT_PROMOTED: {RUN_OVER, WITHDRAWN},
    Kind.SESSION_MOVED: CLASS | {NEWER, CANCELLED},
    Kind.SESSION_CANCELLED: CLASS,
    Kind.SERIES_MOVED: {MODE, WITHDRAWN, LATE, NEWER},
    Kind.SERIES_CANCELLED: {MODE, WITHDRAWN, LATE},
    Kind.SESSION_NOT_HELD: {NEWER, CANCELLED, TEACHER},
    Kind.MEETING_FAILED: {NEWER, CANCELLED, LATE, TEACHER},
    Kind.MEETING_MADE: {NEWER, CANCELLED, LATE, TEACHER},
    # A seat stays whatever mode or group its learner has, and if the class is moved.
    Kind.SEAT_PROMOTED: {CANCELLED, LATE, WITHDRAWN},
    Kind.SEAT_SWAPPED: {CANCELLED, LATE, WITHDRAWN},
    Kind.SEAT_OFFERED: {NEWER, CANCELLED, LATE, WITHDRAWN, RUN_OVER},
    Kind.HELP_INVITED: {NEWER, CANCELLED, LATE, WITHDRAWN, RUN_OVER},
    Kind.CATCH_UP_ASSIGNED: THING | {LATE},
    Kind.CATCH_UP_CHANGED: THING | {LATE},
    Kind.CATCH_UP_COMPLETED: THING,
    Kind.CATCH_UP_MISSED: THING,
    Kind.DUE_EXTENDED: {LATE, WITHDRAWN},
    Kind.DUE_APPROACHING: THING | {LATE},
    Kind.DUE_MISSED: THING,
    Kind.DUES_CHANGED: THING | {LATE},
    Kind.ACTIVITIES_OPENED: {RUN_OVER, WITHDRAWN},
    Kind.QUESTION_ANSWERED: {WITHDRAWN},
    Kind.QUESTION_CARRIED_OVER: THING,
    Kind.QUESTIONS_WAITING: {NEWER, TEACHER},
    Kind.FELL_BEHIND: THING | {RUN_OVER},
    Kind.LEARNERS_FELL_BEHIND: {NEWER, TEACHER, RUN_OVER},
    Kind.REMINDER: CLASS | {NEWER, CANCELLED, RUN_OVER},
    Kind.MAIL_RETURNED: set(),
}
OF_NO_PLACE = {
    Kind.MAIL_RETURNED,
    Kind.SESSION_NOT_HELD,
    Kind.MEETING_FAILED,
    Kind.MEETING_MADE,
    Kind.QUESTIONS_WAITING,
    Kind.LEARNERS_FELL_BEHIND,
}
CHANGES = (MODE, GROUP, NEWER, CANCELLED, LATE, RUN_OVER, TEACHER, WITHDRAWN)
REASONS = {
    MODE: {NOT_EXPECTED},
    GROUP: {NOT_EXPECTED},
    TEACHER: {NOT_TEACHING},
    WITHDRAWN: {LEFT},
}


def why(
    kind: Kind, known: Known = OLD, place: Enrolment = PLACE, at: timedelta = timedelta(0)
) -> str:
    """Why mail of a kind to ada, which stood at NOW, is not sent some time later."""
    about = replace(ABOUTS.get(kind, About() if kind in BY_NOTHING else ABOUT), kind=kind)
    told = Delivery(
        "d", "m", "ada", Channel.EMAIL, DeliveryState.QUEUED, NOW, "e", "t", RULES[kind].category,
        urgent=False, about=about, run_id="r",
    )  # fmt: skip
    if standing(told, known, NOW + at) is not Standing.STANDS:
        return VANISHED
    return not_for(told, known, () if kind in OF_NO_PLACE else [place])


def newer(known: Known) -> Known:
    """There is newer news of everything: the class was moved, by another event."""
    moved = replace(SESSION, sequence=4, event_id="e2", start_time=NOW + 1.5 * HOUR)
    move = DueMove("essay", "Essay", NOW, NOW, "DATES", 4, told=4)
    told = DueDigest("r-ada", "r", "ada", 4, "e2", "t", (move,))
    return replace(
        known,
        sessions={"s": moved},
        catch_ups={"c": CatchUp("c", 4)},
        dues={"d": Due("d", 4)},
        series={"w": Series("w", 4)},
        offers={"o": SeatOffer("o", 4)},
        questions={"q": Question("q", 4)},
        falls={"f": replace(OLD.falls["f"], sequence=4)},
        digests={"r-ada": told},
    )


def after(change: str, kind: Kind) -> str:
    """Why mail of a kind is not sent after a change."""
    cancelled = replace(SESSION, standing=False, cancelled=True, sequence=4)
    grace = teachers(("grace",))
    match change:
        case "the learner studies alone now":
            return why(kind, place=replace(PLACE, mode=AttendanceMode.SELF_PACED))
        case "the learner is in another group now":
            return why(kind, place=replace(PLACE, group_ids=("red",)))
        case "the learner has withdrawn":
            return why(kind, place=replace(PLACE, state=EnrolmentState.WITHDRAWN))
        case "there is newer news of the same thing":
            return why(kind, newer(OLD))
        case "the class was cancelled":
            return why(kind, replace(OLD, sessions={"s": cancelled}))
        case "its time is past":
            return why(kind, at=3 * HOUR)
        case "the run is over":
            return why(kind, replace(OLD, runs={"r": replace(RUN, closed_at=NOW)}))
    return why(kind, replace(OLD, runs={"r": replace(RUN, staff=grace, instructor_ids=("grace",))}))


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_stale_by_just_these_changes(kind: Kind) -> None:
    """What waits is sent if nothing changed, and not after each change that the table has."""
    assert why(kind) == ""
    found = {change: after(change, kind) for change in CHANGES}
    assert {change for change, reason in found.items() if reason} == STALE_BY[kind]
    for change in STALE_BY[kind] & REASONS.keys():
        assert {found[change]} == REASONS[change]


def expected(places: Iterable[Enrolment], person: str = "ada", **session: object) -> bool:
    """Whether a class is still for a person with these places."""
    known = replace(OLD, sessions={"s": replace(SESSION, **session)})  # type: ignore[arg-type]
    told = Delivery(
        "d", "m", person, Channel.EMAIL, DeliveryState.QUEUED, NOW, "e", "t",
        RULES[Kind.REMINDER].category, urgent=False, about=replace(ABOUT, kind=Kind.REMINDER),
        run_id="r",
    )  # fmt: skip
    return not not_for(told, known, [*places])


def test_who_is_expected_in_a_class() -> None:
    """One place that fits is enough; who teaches needs none; nobody has to come for help."""
    alone = replace(PLACE, mode=AttendanceMode.SELF_PACED)
    red = replace(PLACE, group_ids=("red",))
    assert expected([PLACE, alone])
    assert expected([red], group_ids=())
    assert not expected([red, alone])
    assert expected([])
    assert expected([alone], "eve")
    assert not expected([PLACE], purpose=SessionPurpose.HELP)
    assert expected([replace(PLACE, mode=None)])
