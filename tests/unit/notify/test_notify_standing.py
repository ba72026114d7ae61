"""Whether what a notice tells is still so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.enums import Kind
from services.notify.domain.notices import RULES, About, Notice
from services.notify.domain.people import CatchUp, Due, Run, SeatOffer, Series
from services.notify.domain.sessions import Session
from services.notify.domain.standing import Known, Standing, standing

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
STANDS, OVER, OVERTAKEN = Standing
SESSION = Session(
    id="s",
    run_id="r",
    title="Waves",
    instructor_id="grace",
    start_time=NOW + HOUR,
    end_time=NOW + 2 * HOUR,
    room="Aula",
    join_url="",
    standing=True,
    event_id="e1",
    event_type="t",
    sequence=3,
)
MOVED_AGAIN = replace(SESSION, event_id="e2", start_time=NOW + 3 * HOUR, sequence=4)
BEGUN = replace(SESSION, standing=False, sequence=4)
ENDED = replace(BEGUN, end_time=NOW)
CANCELLED = replace(BEGUN, cancelled=True)


def found(
    kind: Kind,
    session: Session | None = SESSION,
    at: timedelta = timedelta(0),
    run: Run | None = None,
    **about: object,
) -> Standing:
    """The standing of a notice of this session, told by e1, some time from now."""
    told = About(kind, "s", SESSION.start_time, SESSION.end_time, "Aula", sequence=3)
    notice = Notice("e1", "t", kind, {}, replace(told, **about), "r")  # type: ignore[arg-type]
    sessions = {} if session is None else {"s": session}
    return standing(notice, Known(sessions, {}, {} if run is None else {"r": run}, {}), NOW + at)


SOONER, LATER, MUCH_LATER = timedelta(0), HOUR, 2 * HOUR


@pytest.mark.parametrize(
    ("kind", "session", "at", "expected"),
    [
        (Kind.REMINDER, SESSION, SOONER, STANDS),
        (Kind.REMINDER, SESSION, LATER, OVER),
        (Kind.REMINDER, BEGUN, SOONER, OVER),
        (Kind.REMINDER, MOVED_AGAIN, SOONER, OVERTAKEN),
        (Kind.REMINDER, replace(SESSION, room="Lab"), SOONER, OVERTAKEN),
        (Kind.REMINDER, CANCELLED, SOONER, OVERTAKEN),
        (Kind.REMINDER, None, SOONER, OVERTAKEN),
        (Kind.SESSION_MOVED, SESSION, LATER, STANDS),
        (Kind.SESSION_MOVED, BEGUN, LATER, STANDS),
        (Kind.SESSION_MOVED, ENDED, SOONER, OVER),
        (Kind.SESSION_MOVED, SESSION, MUCH_LATER, OVER),
        (Kind.SESSION_MOVED, MOVED_AGAIN, SOONER, OVERTAKEN),
        (Kind.SESSION_MOVED, CANCELLED, SOONER, OVERTAKEN),
        (Kind.SESSION_CANCELLED, CANCELLED, LATER, STANDS),
        (Kind.SESSION_CANCELLED, CANCELLED, MUCH_LATER, OVER),
        (Kind.SESSION_NOT_HELD, SESSION, MUCH_LATER, STANDS),
        (Kind.SESSION_NOT_HELD, MOVED_AGAIN, SOONER, OVERTAKEN),
        (Kind.SESSION_NOT_HELD, None, SOONER, STANDS),
        (Kind.SESSION_NOT_HELD, replace(SESSION, sequence=9, heard=3), MUCH_LATER, STANDS),
        (Kind.SESSION_NOT_HELD, replace(MOVED_AGAIN, heard=3), SOONER, OVERTAKEN),
        (Kind.SESSION_NOT_HELD, replace(BEGUN, heard=3), SOONER, OVERTAKEN),
        (Kind.MEETING_FAILED, SESSION, LATER, STANDS),
        (Kind.MEETING_FAILED, MOVED_AGAIN, SOONER, OVERTAKEN),
        (Kind.MEETING_FAILED, CANCELLED, SOONER, OVERTAKEN),
        (Kind.MEETING_FAILED, SESSION, MUCH_LATER, OVER),
        (Kind.MEETING_MADE, None, SOONER, STANDS),
        (Kind.SEAT_PROMOTED, SESSION, SOONER, STANDS),
        (Kind.SEAT_PROMOTED, MOVED_AGAIN, MUCH_LATER, STANDS),
        (Kind.SEAT_PROMOTED, SESSION, LATER, OVER),
        (Kind.SEAT_PROMOTED, BEGUN, SOONER, OVER),
        (Kind.SEAT_PROMOTED, CANCELLED, SOONER, OVERTAKEN),
        (Kind.SEAT_PROMOTED, None, SOONER, STANDS),
        (Kind.SEAT_PROMOTED, None, LATER, OVER),
        (Kind.SEAT_SWAPPED, MOVED_AGAIN, MUCH_LATER, STANDS),
        (Kind.SEAT_SWAPPED, BEGUN, SOONER, OVER),
        (Kind.SEAT_SWAPPED, CANCELLED, SOONER, OVERTAKEN),
        (Kind.DUE_EXTENDED, None, SOONER, STANDS),
        (Kind.DUE_EXTENDED, None, MUCH_LATER, OVER),
    ],
)
def test_with_the_session(
    kind: Kind, session: Session | None, at: timedelta, expected: Standing
) -> None:
    """A notice is overtaken by newer news of its session, and over when its time is over."""
    assert found(kind, session, at) is expected


def test_a_reminder_stands_if_its_room_has_a_new_name() -> None:
    """But not if another event has set time and place."""
    told = About(Kind.REMINDER, "s", SESSION.start_time, SESSION.end_time, "Aula", sequence=3)
    notice = Notice("e1:24h", "t", Kind.REMINDER, {}, told, "r")
    renamed = replace(SESSION, room="Curie Hall", sequence=4)
    elsewhere = replace(renamed, event_id="e2")
    for session, expected in ((renamed, STANDS), (elsewhere, OVERTAKEN)):
        assert standing(notice, Known({"s": session}, {}, {}, {}), NOW) is expected


def test_a_reminder_of_the_version_before_knows_no_room() -> None:
    """It stands in any room."""
    assert found(Kind.REMINDER, room=None) is STANDS


@pytest.mark.parametrize(
    ("session", "at", "sequence", "expected"),
    [
        (SESSION, SOONER, 3, STANDS),
        (MOVED_AGAIN, SOONER, 3, STANDS),
        (None, SOONER, 2, STANDS),
        (SESSION, SOONER, 4, OVERTAKEN),
        (CANCELLED, SOONER, 3, OVERTAKEN),
        (BEGUN, SOONER, 3, OVER),
        (SESSION, timedelta(minutes=30), 3, OVER),
    ],
)
@pytest.mark.parametrize("kind", [Kind.SEAT_OFFERED, Kind.HELP_INVITED])
def test_an_offer_stands_until_it_ends(
    kind: Kind, session: Session | None, at: timedelta, sequence: int, expected: Standing
) -> None:
    """It is overtaken by its answer and each newer news of it, and over when it expires; so is an
    invitation.
    """
    about = About(kind, "s", SESSION.start_time, NOW + HOUR / 2, sequence=3)
    notice = Notice("e", "t", kind, {}, replace(about, offer_id="s:ada"), "r")
    known = Known(
        {} if session is None else {"s": session},
        {},
        {},
        {},
        offers={"s:ada": SeatOffer("s:ada", sequence)},
    )
    assert standing(notice, known, NOW + at) is expected
    over = replace(known, runs={"r": Run("r", "Physics", closed_at=NOW)})
    assert standing(notice, over, NOW + at) is not STANDS
    assert RULES[kind].lapses


@pytest.mark.parametrize("kind", [Kind.REMINDER, Kind.ENROLMENT_PROMOTED])
def test_in_a_run_that_is_over(kind: Kind) -> None:
    """Reminders of its classes, and places in it, are of no use."""
    assert found(kind, run=Run("r", "Physics", closed_at=NOW)) is OVER
    assert found(kind, run=Run("r", "Physics")) is STANDS


@pytest.mark.parametrize(("sequence", "expected"), [(2, STANDS), (3, STANDS), (4, OVERTAKEN)])
@pytest.mark.parametrize(
    "kind",
    [
        Kind.CATCH_UP_ASSIGNED,
        Kind.CATCH_UP_CHANGED,
        Kind.CATCH_UP_COMPLETED,
        Kind.CATCH_UP_MISSED,
    ],
)
def test_the_newest_news_of_a_catch_up_stands(
    kind: Kind, sequence: int, expected: Standing
) -> None:
    """News of a catch-up is overtaken by any newer news of it."""
    notice = Notice("e", "t", kind, {}, About(kind, catch_up_id="c", sequence=3))
    known = Known({}, {"c": CatchUp("c", sequence)}, {}, {})
    assert standing(notice, known, NOW) is expected


@pytest.mark.parametrize(("sequence", "expected"), [(2, STANDS), (3, STANDS), (4, OVERTAKEN)])
@pytest.mark.parametrize("kind", [Kind.DUE_APPROACHING, Kind.DUE_MISSED])
def test_the_newest_news_of_a_due_stands(kind: Kind, sequence: int, expected: Standing) -> None:
    """News of a due is overtaken by any newer news of it, and by none of another due."""
    notice = Notice("e", "t", kind, {}, About(kind, due_id="e1:essay", sequence=3))
    known = Known({}, {}, {}, {"e1:essay": Due("e1:essay", sequence)})
    assert standing(notice, known, NOW) is expected
    other = Known({}, {}, {}, {"e1:quiz": Due("e1:quiz", sequence)})
    assert standing(notice, other, NOW) is STANDS


@pytest.mark.parametrize(("sequence", "expected"), [(2, STANDS), (3, STANDS), (4, OVERTAKEN)])
def test_the_newest_move_of_a_series_stands(sequence: int, expected: Standing) -> None:
    """Of a replica of the version before, which has no classes, nothing but a newer move takes back
    a move.
    """
    known = Known({}, {}, {}, {}, {"s": Series("s", sequence)})
    for kind, found in ((Kind.SERIES_MOVED, expected), (Kind.SERIES_CANCELLED, STANDS)):
        notice = Notice("e", "t", kind, {}, About(kind, series_id="s", sequence=3))
        assert standing(notice, known, NOW) is found


@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(st.integers(-2, 2), st.booleans())))
def test_a_move_of_a_series_stands_while_one_of_its_classes_does(
    classes: dict[str, tuple[int, bool]],
) -> None:
    """It is overtaken when all of them were cancelled, and over when the last of the others has
    ended.
    """
    ends = {id_: NOW + hours * HOUR for id_, (hours, _) in classes.items()}
    cancelled = {id_ for id_, (_, is_cancelled) in classes.items() if is_cancelled}
    about = About(Kind.SERIES_MOVED, end_time=max(ends.values(), default=None), sequence=3)
    notice = Notice("e", "t", Kind.SERIES_MOVED, {}, replace(about, series_id="s"))
    known = Known({}, {}, {}, {}, {"s": Series("s", 3, ends)}, cancelled=cancelled | {"other"})
    to_come = any(ends[id_] > NOW for id_ in ends.keys() - cancelled)
    expected = STANDS if to_come or not ends else OVERTAKEN if cancelled == ends.keys() else OVER
    assert standing(notice, known, NOW) is expected


def test_a_due_that_is_past_does_not_approach() -> None:
    """Its notice is of no use then; it is not told at all."""
    notice = Notice("e", "t", Kind.DUE_APPROACHING, {}, About(Kind.DUE_APPROACHING, end_time=NOW))
    assert standing(notice, Known({}, {}, {}, {}), NOW) is OVER
    assert standing(notice, Known({}, {}, {}, {}), NOW - HOUR) is STANDS
    assert RULES[Kind.DUE_APPROACHING].lapses


def test_what_a_notice_is_about_may_be_unknown() -> None:
    """A notice of the version before stands, and so does one that nothing can change."""
    for kind in Kind:
        assert standing(Notice("e", "t", kind, {}), Known({}, {}, {}, {}), NOW) is STANDS


@pytest.mark.parametrize("kind", list(Kind))
def test_urgent_only_before_the_class(kind: Kind) -> None:
    """A notice is urgent by its kind, and only until its class begins."""
    notice = Notice("e", "t", kind, {}, About(kind, "s", NOW))
    assert notice.is_urgent(NOW - HOUR) is RULES[kind].urgent
    assert not notice.is_urgent(NOW)
