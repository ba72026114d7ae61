"""When people can teach: told, changed, read and published."""

from functools import partial
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2

from tests.integration.sessions.school import School, Stub, race, refused

MORNINGS = resources_pb2.TeachingWindow(weekday=1, start="09:00", end="12:00", is_preferred=True)
EVENINGS = resources_pb2.TeachingWindow(weekday=4, start="18:00", end="24:00")
AWAY = resources_pb2.Absence(start_date="2026-04-06", end_date="2026-04-10")
GET = sessions_pb2.GetAvailabilityRequest(person_id="bohr")


def told(**changes: Any) -> sessions_pb2.SetAvailabilityRequest:
    """What bohr tells of Monday mornings."""
    fields: dict[str, Any] = {"person_id": "bohr", "zone": "Europe/Dublin", "hours": [MORNINGS]}
    return sessions_pb2.SetAvailabilityRequest(**{**fields, **changes})


@pytest.fixture
def bohr(school: School) -> Stub:
    """The API as an instructor calls it."""
    return Stub(school.channel_for("bohr", "instructor"))


def test_a_person_tells_when_the_person_can_teach(school: School, bohr: Stub) -> None:
    """The answer has the hours in order, and who told them; GetAvailability answers the same."""
    answer = bohr.SetAvailability(told(hours=[EVENINGS, MORNINGS], away=[AWAY]))
    assert [*answer.hours] == [MORNINGS, EVENINGS]
    assert (answer.set_by, answer.changed_at) == ("bohr", school.at())
    assert bohr.GetAvailability(GET) == answer


def test_each_change_is_published_whole(school: School, bohr: Stub) -> None:
    """The event has the new state; what is known already is no news, whoever tells it."""
    bohr.SetAvailability(told())
    school.clock.forward(hours=1)
    assert school.staff.SetAvailability(told()).set_by == "bohr"
    school.staff.SetAvailability(told(hours=[], away=[AWAY]))
    first, second = school.published(events_pb2.AvailabilityChanged)
    assert ([*first.hours], first.zone, first.set_by) == ([MORNINGS], "Europe/Dublin", "bohr")
    assert ([*second.hours], [*second.away]) == ([], [AWAY])
    assert (second.set_by, second.changed_at) == ("curie", school.at())


def test_nothing_is_known_of_who_told_nothing(school: School) -> None:
    """NOT_FOUND says that the person can always teach."""
    code, text = refused(lambda: school.staff.GetAvailability(GET))
    assert code is grpc.StatusCode.NOT_FOUND
    assert "always can" in text


def test_only_people_of_the_roster_teach(school: School) -> None:
    """Neither somebody unknown, nor somebody who left."""
    left = catalog.PersonUpserted(person_id="noether", roles=[options_pb2.ROLE_INSTRUCTOR])
    left.retired_at.CopyFrom(school.at())
    school.hear("rosters", left)
    for request in (told(person_id="nobody"), told(person_id="noether")):
        code, text = refused(partial(school.staff.SetAvailability, request))
        assert code is grpc.StatusCode.FAILED_PRECONDITION
        assert "is not in the roster, or left" in text


def test_faults_of_availability_are_listed_together(school: School) -> None:
    """Those of the fields, and those of their order."""
    wrong = resources_pb2.TeachingWindow(weekday=8, start="9:00", end="24:30")
    request = told(zone="Europe/Atlantis", hours=[wrong])
    code, text = refused(lambda: school.staff.SetAvailability(request))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    fields = ("zone", "hours[0].weekday", "hours[0].start", "hours[0].end")
    assert all(f"{field}:" in text for field in fields)
    nowhere = resources_pb2.Absence(start_date="2026-02-30")
    _, text = refused(lambda: school.staff.SetAvailability(told(away=[nowhere])))
    assert "away[0].start_date: is '2026-02-30'" in text
    assert "away[0].end_date: is missing" in text
    overlapping = told(hours=[MORNINGS, MORNINGS])
    code, text = refused(lambda: school.staff.SetAvailability(overlapping))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "hours[1].start: 09:00 is within hours[0], which ends at 12:00" in text


def test_more_than_a_hundred_windows_are_refused(school: School) -> None:
    """And more than a hundred absences."""
    code, text = refused(
        lambda: school.staff.SetAvailability(told(hours=[MORNINGS] * 101, away=[AWAY] * 101))
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "hours:" in text
    assert "away:" in text


def test_of_changes_at_once_the_last_event_tells_what_is_known(school: School) -> None:
    """Eight clients tell different things: the newest event is what GetAvailability answers."""
    starts = [f"{hour:02d}:00" for hour in range(1, 9)]
    requests = [
        told(hours=[resources_pb2.TeachingWindow(weekday=1, start=start, end="12:00")])
        for start in starts
    ]
    race(lambda request: school.api.SetAvailability(request, None), requests)
    events = school.published(events_pb2.AvailabilityChanged)
    assert sorted(each.hours[0].start for each in events) == starts
    assert school.staff.GetAvailability(GET).hours == events[-1].hours
