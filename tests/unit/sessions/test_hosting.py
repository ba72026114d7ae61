"""Meetings of online classes: their steps, their servers, and tickets to join."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.enums import Interval, SessionKind, SessionState
from services.sessions.domain.hosting import (
    LOOK_FOR,
    Meeting,
    MeetingState,
    Step,
    after_end,
    away,
    due_at,
    ended_early,
    failed,
    followed,
    is_hosted,
    is_present,
    looked,
    made,
    placed,
    step_of,
    target_of,
    told,
)
from services.sessions.domain.joining import Ticket, ticket_for, ticket_of, ticket_text
from services.sessions.domain.meeting_news import RecorderMark, presence_of, recorder_marks_of
from services.sessions.domain.meeting_pool import Booking, ServerRoom, room_left, server_for
from services.sessions.domain.meetings import MeetingEvent, MeetingFact, ProviderMeeting
from services.sessions.domain.provider_recordings import (
    FoundRecording,
    compared,
    recorded_stretches,
)
from services.sessions.domain.session import Session
from services.sessions.domain.skew import Skew
from tests.unit.sessions.examples import HOUR, NINE, session

FOUND = ProviderMeeting(external_id="x")
SERVERS = st.lists(
    st.builds(ServerRoom, st.sampled_from("abc"), st.integers(0, 20)),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each.name,
)
WANTED = st.tuples(st.integers(0, 20), st.integers(1, 8), st.integers(1, 12))
"""A meeting: when it starts, how long it takes (both in hours), and its people."""


def online(**changes: Any) -> Session:
    """A session whose meeting a server makes."""
    return replace(session(), kind=SessionKind.ONLINE, join_url="", **changes)


def meeting(**changes: Any) -> Meeting:
    """The meeting of `online`, which nobody has placed yet."""
    new = followed(None, online(), NINE)
    assert new is not None
    return replace(new, **changes)


def made_on(server: str) -> Meeting:
    """A meeting that a server has made."""
    return made(placed(meeting(), server, 10), FOUND, None)


def interval(start: int, hours: int) -> Interval:
    """Some hours after nine."""
    return Interval(NINE + start * HOUR, NINE + (start + hours) * HOUR)


def most_at_once(bookings: Sequence[Booking], server: str) -> int:
    """The most people on a server at a time, counted hour by hour."""
    own = [each for each in bookings if each.server == server]
    hours = [NINE + hour * HOUR for hour in range(30)]
    return max(
        sum(each.people for each in own if each.time.start <= at < each.time.end) for at in hours
    )


@given(servers=SERVERS, wanted=st.lists(WANTED, max_size=12), avoided=st.sampled_from(" abc"))
def test_no_server_ever_gets_more_people_than_it_has_room_for(
    servers: list[ServerRoom], wanted: list[tuple[int, int, int]], avoided: str
) -> None:
    """Whatever comes in whatever order; and nothing is refused for which any server has room."""
    bookings: list[Booking] = []
    for start, hours, people in wanted:
        time = interval(start, hours)
        server = server_for(servers, bookings, time, people, avoided)
        if server is None:
            assert all(room_left(each, bookings, time) < people for each in servers)
        else:
            bookings.append(Booking(server, time, people))
    for each in servers:
        assert not each.capacity or most_at_once(bookings, each.name) <= each.capacity


def test_meetings_that_touch_share_a_server() -> None:
    """Times are half-open."""
    taken = [Booking("a", interval(0, 1), 10)]
    assert server_for([ServerRoom("a", 10)], taken, interval(1, 1), 10) == "a"
    assert server_for([ServerRoom("a", 10)], taken, interval(0, 2), 1) is None


def test_the_server_with_the_most_room_is_taken_and_one_that_was_away_last() -> None:
    """A server that was away is better than none."""
    servers = [ServerRoom("a", 100), ServerRoom("b", 50), ServerRoom("c", 20)]
    time = interval(0, 1)
    assert server_for(servers, [], time, 10) == "a"
    assert server_for(servers, [], time, 10, "a") == "b"
    assert server_for(servers, [], time, 80, "a") == "a"


@pytest.mark.parametrize(
    ("found", "step", "target"),
    [
        (meeting(), Step.PLACE, ""),
        (placed(meeting(), "a", 10), Step.MAKE, "a"),
        (made_on("a"), Step.END, "a"),
        (replace(made_on("a"), state=MeetingState.ENDED), Step.LOOK, "a"),
        (replace(meeting(), former=made_on("a").made), Step.END, "a"),
        (failed(placed(meeting(), "a", 10), "why", NINE), Step.PLACE, ""),
        (away(placed(meeting(), "a", 10), "why", NINE), Step.PLACE, ""),
    ],
)
def test_each_state_has_its_step(found: Meeting, step: Step, target: str) -> None:
    """And the step its server, so that one that is away stops nothing else."""
    assert (step_of(found), target_of(found)) == (step, target)


def test_a_class_that_names_its_url_or_is_in_the_room_has_no_meeting() -> None:
    """Servers make meetings only of classes that have nowhere to join."""
    assert is_hosted(online())
    assert not is_hosted(replace(online(), join_url="https://meet.example.edu/1"))
    assert not is_hosted(replace(online(), kind=SessionKind.IN_ROOM))


def test_a_class_that_stays_at_its_time_keeps_its_meeting() -> None:
    """Only another time, the end and a cancellation change it."""
    assert followed(made_on("a"), online(), NINE) == made_on("a")


def test_a_class_that_moves_gets_a_new_meeting_and_the_old_one_ends() -> None:
    """However often it moves before the old one has ended; one that was not made is dropped."""
    once = followed(made_on("a"), online(end_time=NINE + 2 * HOUR), NINE)
    assert once is not None
    twice = followed(once, online(end_time=NINE + 3 * HOUR), NINE)
    assert twice is not None
    assert (twice.state, twice.former, twice.next_at) == ("WANTED", made_on("a").made, NINE)
    assert after_end(twice, online(), NINE) == replace(twice, former=None, next_at=None)
    unmade = followed(placed(meeting(), "a", 9), online(end_time=NINE + 2 * HOUR), NINE)
    assert unmade is not None
    assert (unmade.server, unmade.former, unmade.next_at) == ("", None, None)


@pytest.mark.parametrize("state", [SessionState.CANCELLED, SessionState.ENDED])
def test_a_class_that_is_over_ends_its_meeting(state: SessionState) -> None:
    """One that was never made is dropped."""
    over = online(state=state)
    assert followed(meeting(), over, NINE) is None
    assert followed(None, over, NINE) is None
    ending = followed(made_on("a"), over, NINE)
    assert ending is not None
    assert (step_of(ending), target_of(ending), ending.next_at) == (Step.END, "a", NINE)
    done = after_end(ending, over, NINE)
    assert done.state is MeetingState.ENDED
    assert (done.next_at is not None) is (state is SessionState.ENDED and over.recorded)


def test_a_failure_is_told_once_until_the_meeting_is_there() -> None:
    """A meeting that is there again may fail again, and is told again."""
    late = told(failed(placed(meeting(), "a", 10), "why", NINE))
    assert (late.told, late.reason, late.avoided) == (True, "why", "a")
    again = made(placed(late, "b", 10), FOUND, None)
    assert (again.told, again.reason) == (False, "")


def test_what_was_made_before_for_a_class_is_remembered() -> None:
    """Its recordings count; the same server's meeting of the same id is the same."""
    first = made_on("a")
    same = made(placed(first, "a", 10), FOUND, None)
    assert same.all_made == first.all_made
    second = made(placed(first, "b", 10), FOUND, None)
    assert [each.server for each in second.all_made] == ["a", "b"]
    back = made(placed(second, "a", 10), FOUND, None)
    assert [each.server for each in back.all_made] == ["b", "a"]
    assert is_present(back, "a", FOUND.external_id)
    assert not is_present(back, "b", FOUND.external_id)
    other = made(placed(back, "a", 10), ProviderMeeting(external_id="y"), None)
    ids = {
        server: [each.external_id for each in meetings]
        for server, meetings in other.all_made_by_server.items()
    }
    assert ids == {"b": ["x"], "a": ["x", "y"]}


def test_nothing_is_tried_after_the_end_of_the_class() -> None:
    """A meeting that can't be made until then is given up."""
    end = online().end_time
    assert failed(meeting(), "why", end).next_at is None
    assert failed(meeting(), "why", end - timedelta(seconds=1)).next_at is not None
    assert ended_early(made_on("a"), online(), end) is None


@pytest.mark.parametrize(
    ("state", "is_needed"),
    [("SCHEDULED", True), ("LIVE", True), ("ENDED", False), ("CANCELLED", False)],
)
def test_a_meeting_that_ended_is_made_again_while_its_class_needs_it(
    state: str, is_needed: bool
) -> None:
    """Until the class's planned end, unless the class is over already."""
    again = ended_early(made_on("a"), online(state=SessionState(state)), NINE)
    assert (again is not None) is is_needed


def test_recordings_are_looked_for_at_growing_distances_for_a_day() -> None:
    """From five minutes up to two hours."""
    found, at = replace(made_on("a"), state=MeetingState.ENDED), online().end_time
    pauses = []
    while (after := looked(found, at)).next_at is not None:
        pauses.append(after.next_at - at)
        found, at = after, after.next_at
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(minutes=10), timedelta(hours=2))
    assert at <= online().end_time + LOOK_FOR


def test_what_nobody_names_is_no_presence() -> None:
    """Joins by a link are of the link's person; strangers, and marks of the recorder, of nobody."""
    ahead = Skew(ahead=timedelta(minutes=5), error=timedelta())
    found = replace(made_on("a"), skew=ahead)
    told_at = NINE + timedelta(minutes=5)
    events = [
        MeetingEvent(id=str(place), external_id="x", fact=fact, at=told_at, **who)
        for place, (fact, who) in enumerate(
            [
                (MeetingFact.JOINED, {"person_id": "ada", "connection": "1"}),
                (MeetingFact.JOINED, {"link_id": "L", "connection": "2"}),
                (MeetingFact.JOINED, {"link_id": "M"}),
                (MeetingFact.LEFT, {}),
                (MeetingFact.RECORDING_BEGUN, {}),
            ]
        )
    ]
    present = presence_of(found, events, {"L": "bob"})
    assert [(each.learner_id, each.at, each.connection) for each in present] == [
        ("ada", NINE, "meeting:1"),
        ("bob", NINE, "meeting:2"),
    ]
    (mark,) = recorder_marks_of(found, "a", events)
    assert (mark.id, mark.runs, mark.at) == ("a:4", True, NINE)


@given(person=st.text(min_size=1, max_size=128), seconds=st.integers(0, 4_000_000_000))
def test_a_ticket_is_read_as_it_was_written(person: str, seconds: int) -> None:
    """Whatever characters a person's id has."""
    ticket = Ticket("s1", person, datetime.fromtimestamp(seconds, UTC))
    if person.isprintable():
        assert ticket_of(ticket_text(ticket)) == ticket


@given(text=st.text(max_size=60))
def test_what_is_no_ticket_is_none(text: str) -> None:
    """No text makes the reader fail."""
    found = ticket_of(text)
    assert found is None or isinstance(found, Ticket)


def test_a_ticket_is_good_until_an_hour_after_the_class() -> None:
    """And for an hour at least, where a class runs over."""
    planned = online()
    assert ticket_for(planned, "ada", NINE).until == planned.end_time + HOUR
    assert ticket_for(planned, "ada", NINE + 3 * HOUR).until == NINE + 4 * HOUR
    assert due_at(meeting(), NINE).next_at == NINE


MARKS = st.lists(st.tuples(st.integers(-5, 65), st.booleans()), max_size=12)


@given(told=MARKS)
def test_stretches_are_when_the_recorder_ran(told: list[tuple[int, bool]]) -> None:
    """Minute by minute, in order and apart, whatever marks are repeated."""
    marks = [
        RecorderMark(str(place), "s1", NINE + timedelta(minutes=minute), runs)
        for place, (minute, runs) in enumerate(sorted(told, key=lambda each: each[0]))
    ]
    found = recorded_stretches(marks, NINE, NINE + HOUR)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for minute in range(60):
        middle = NINE + timedelta(minutes=minute, seconds=30)
        before = [mark.runs for mark in marks if mark.at <= middle]
        ran = before[-1] if before else bool(marks) and not marks[0].runs
        assert any(each.start <= middle < each.end for each in found) is ran


def test_recordings_are_compared_with_what_was_there() -> None:
    """New, changed and returning ones are stored, and those that are gone; the others stay."""
    one, other = (
        FoundRecording(id=id_, session_id="s1", start=NINE, end=NINE + HOUR, found_at=NINE)
        for id_ in ("a:1", "a:2")
    )
    later = NINE + HOUR
    assert compared([], [one], later) == [one]
    assert compared([one], [replace(one, found_at=later)], later) == []
    assert compared([one, other], [other], later) == [replace(one, gone_at=later)]
    assert compared([replace(one, gone_at=NINE)], [], later) == []
    assert compared([replace(one, gone_at=NINE)], [one], later) == [one]
