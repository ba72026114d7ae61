"""The requests that create the demo's term: people, courses, runs, paths, sessions, seats."""

import random
from collections.abc import Collection, Mapping
from datetime import date, timedelta

from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import resources_pb2 as session_resources
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

LEARNERS = 200
PHYSICS, HISTORY, PROGRAMMING = "PHYS-101", "HIST-210", "PROG-150"
TITLES = {
    PHYSICS: "Physics 1",
    HISTORY: "Europe since 1945",
    PROGRAMMING: "Programming for everyone",
}
PROGRAMMING_PLACES = 50
CATCH_UP_DAYS = 3
EVIDENCE_DAYS = 7
"""How late statements may come so that their own times count."""
ROOM_SEATS = 60
MINUTES = 50
WEEK = 2
"""The week of the lecture. Weeks begin on Monday, and the run on the Sunday before."""
MATERIALS = ("physics-reading", "history-reading", "programming-book")
ZONE = "Europe/Dublin"
_ZONES = [ZONE] * 8 + ["America/New_York", "Asia/Kolkata"]
_LANGUAGES = ["en", "en", "de-AT"]
_DELIVERY = {
    PHYSICS: types_pb2.DELIVERY_MODE_BLENDED,
    HISTORY: types_pb2.DELIVERY_MODE_SYNCHRONOUS,
    PROGRAMMING: types_pb2.DELIVERY_MODE_ASYNCHRONOUS,
}
_CLASSROOM = types_pb2.ATTENDANCE_MODE_CLASSROOM
_ONLINE = types_pb2.ATTENDANCE_MODE_ONLINE
_MONDAY, _TUESDAY = resources_pb2.WEEKDAY_MONDAY, resources_pb2.WEEKDAY_TUESDAY
_SELF_PACED = types_pb2.ATTENDANCE_MODE_SELF_PACED
_LEARNERS = [f"learner-{number:03d}" for number in range(1, LEARNERS + 1)]

LEARNERS_OF = {
    PHYSICS: _LEARNERS[:120],
    HISTORY: _LEARNERS[100:160],
    PROGRAMMING: _LEARNERS[140:],
}
"""The learners to enrol, by course code."""
IMPORTED = [*LEARNERS_OF[HISTORY][20:40], f"instructor-{HISTORY.lower()}"]
"""Who comes with the roster of history, and takes or teaches nothing else."""
TUTORIALS = {"A": LEARNERS_OF[HISTORY][20:26], "B": LEARNERS_OF[HISTORY][26:32]}
"""The learners of each tutorial group of history."""
LATE_JOINER = LEARNERS_OF[PROGRAMMING][-1]
"""Who comes into history when its tutorials were held."""
CLASSROOM_OF_PHYSICS = LEARNERS_OF[PHYSICS][:80]
ONLINE_OF_PHYSICS = LEARNERS_OF[PHYSICS][80:110]
SELF_PACED_OF_PHYSICS = LEARNERS_OF[PHYSICS][110:]
MEETING_URL = "https://meet.example.edu/phys-101"
"""Where classes of physics are held that name their own room."""
_MODES = {
    PHYSICS: [_CLASSROOM] * 80 + [_ONLINE] * 30 + [_SELF_PACED] * 10,
    HISTORY: [_CLASSROOM] * len(LEARNERS_OF[HISTORY]),
    PROGRAMMING: [_SELF_PACED] * len(LEARNERS_OF[PROGRAMMING]),
}


TUTOR = f"instructor-{PROGRAMMING.lower()}"
"""Who helps the first tutorial group of history."""


def instructor(code: str) -> str:
    """Return the id of a course's instructor."""
    return f"instructor-{code.lower()}"


def address(name: str) -> str:
    """Return a person's mail address."""
    return f"{name}@example.edu"


def last_day(monday: date) -> date:
    """Return the last day of a run of 13 weeks whose first class is on `monday`."""
    return monday + timedelta(weeks=13) - timedelta(days=3)


def everyone() -> list[str]:
    """Return the ids of all learners and instructors."""
    return _LEARNERS + [instructor(code) for code in TITLES]


def roster(
    chance: random.Random, without: Collection[str] = ()
) -> catalog_pb2.BatchUpsertPeopleRequest:
    """Return the request that creates all learners and instructors, `without` some."""
    people = [_person(chance, name, options_pb2.ROLE_LEARNER) for name in _LEARNERS]
    people += [_person(chance, instructor(code), options_pb2.ROLE_INSTRUCTOR) for code in TITLES]
    wanted = [each for each in people if each.id not in without]
    return catalog_pb2.BatchUpsertPeopleRequest(request_id="roster", people=wanted)


def course(code: str) -> catalog_pb2.CreateCourseRequest:
    """Return the request that creates a course."""
    return catalog_pb2.CreateCourseRequest(
        request_id=f"course-{code}", code=code, title=TITLES[code]
    )


def run(code: str, course_id: str, monday: date) -> catalog_pb2.OpenRunRequest:
    """Return the request that opens a course's run of 13 weeks; its first class is on `monday`."""
    return catalog_pb2.OpenRunRequest(
        request_id=f"run-{code}-{monday}",
        course_id=course_id,
        term=f"{monday:%Y-%m}",
        delivery_mode=_DELIVERY[code],
        zone=ZONE,
        start_date=str(monday - timedelta(days=1)),
        end_date=str(last_day(monday)),
        capacity=PROGRAMMING_PLACES if code == PROGRAMMING else 0,
        instructor_ids=[instructor(code)],
        policy=policy(),
    )


def policy() -> resources_pb2.RunPolicy:
    """Return what each run decides for its learners."""
    return resources_pb2.RunPolicy(
        catch_up_within=_days(CATCH_UP_DAYS),
        partial_attendance=resources_pb2.PARTIAL_ATTENDANCE_CATCH_UP,
        evidence_within=_days(EVIDENCE_DAYS),
    )


def path(code: str, run_id: str, items: Mapping[str, str]) -> catalog_pb2.PublishPathRequest:
    """Return the request that publishes a run's path; `items`: the materials' ids by name."""
    activities = {
        PHYSICS: [
            _reading("Read chapter 1", items["physics-reading"]),
            _session("lecture", "Lecture: motion", "reading", release=_on(_MONDAY)),
            _after("worksheet", "Worksheet", types_pb2.ACTIVITY_KIND_TASK, "lecture", 3),
            _after("quiz", "Quiz 1", types_pb2.ACTIVITY_KIND_CHECKPOINT, "worksheet", 2),
        ],
        HISTORY: [
            _session("seminar", "Seminar: Yalta"),
            _after("essay", "Essay", types_pb2.ACTIVITY_KIND_TASK, "seminar", 7),
            _session("tutorial", "Tutorial: reading sources"),
        ],
        PROGRAMMING: [
            _item("book", "Read the book's first part", items["programming-book"], 14),
            _after("exercise", "Exercise 1", types_pb2.ACTIVITY_KIND_TASK, "book", 7),
        ],
    }
    return catalog_pb2.PublishPathRequest(
        request_id=f"path-{run_id}", run_id=run_id, activities=activities[code]
    )


def enrolments(code: str, run_id: str) -> catalog_pb2.BatchEnrolRequest:
    """Return the request that enrols a run's learners, each with an attendance mode."""
    return catalog_pb2.BatchEnrolRequest(
        request_id=f"enrol-{run_id}",
        run_id=run_id,
        rows=[
            catalog_pb2.EnrolRow(learner_id=learner, mode=mode)
            for learner, mode in zip(LEARNERS_OF[code], _MODES[code], strict=True)
        ],
    )


def availability(code: str) -> sessions_pb2.SetAvailabilityRequest:
    """Return the request by which a course's instructor tells when to teach: on working days."""
    windows = [
        session_resources.TeachingWindow(weekday=day, start="08:00", end="18:00")
        for day in range(1, 6)
    ]
    return sessions_pb2.SetAvailabilityRequest(
        request_id="availability", person_id=instructor(code), zone=ZONE, hours=windows
    )


def room() -> sessions_pb2.CreateRoomRequest:
    """Return the request that creates the room."""
    return sessions_pb2.CreateRoomRequest(request_id="aula", name="Aula", capacity=80)


def lecture(
    run_id: str, room_id: str, monday: date, join_url: str = MEETING_URL
) -> sessions_pb2.ScheduleSessionRequest:
    """Return the request for the hybrid class of physics at 09:00.

    `join_url`: where it is held online; empty: the platform has a meeting provider make the room.
    """
    return sessions_pb2.ScheduleSessionRequest(
        request_id=f"lecture-{run_id}",
        run_id=run_id,
        activity_id="lecture",
        title="Lecture: motion",
        kind=types_pb2.SESSION_KIND_HYBRID,
        room_id=room_id,
        instructor_id=instructor(PHYSICS),
        starts=types_pb2.CivilTime(local=f"{monday}T09:00:00", zone=ZONE),
        duration=Duration(seconds=MINUTES * 60),
        room_seats=ROOM_SEATS,
        join_url=join_url,
        recorded=True,
    )


def lectures(run_id: str, room_id: str, monday: date) -> sessions_pb2.ScheduleSeriesRequest:
    """Return the request for further lectures of physics, on ten Mondays at 09:00."""
    return sessions_pb2.ScheduleSeriesRequest(
        request_id=f"lectures-{run_id}",
        run_id=run_id,
        title="Lecture",
        kind=types_pb2.SESSION_KIND_HYBRID,
        room_id=room_id,
        instructor_id=instructor(PHYSICS),
        starts=types_pb2.CivilTime(local=f"{monday}T09:00:00", zone=ZONE),
        duration=Duration(seconds=MINUTES * 60),
        join_url=MEETING_URL,
        rrule="FREQ=WEEKLY;COUNT=10",
    )


def seminar(
    run_id: str, room_id: str, monday: date, clock: str
) -> sessions_pb2.ScheduleSessionRequest:
    """Return the request for the class of history in the same room, at `clock` (HH:MM)."""
    return sessions_pb2.ScheduleSessionRequest(
        request_id=f"seminar-{run_id}-{clock}",
        run_id=run_id,
        room_id=room_id,
        activity_id="seminar",
        title="Seminar: Yalta",
        kind=types_pb2.SESSION_KIND_IN_ROOM,
        instructor_id=instructor(HISTORY),
        starts=types_pb2.CivilTime(local=f"{monday}T{clock}:00", zone=ZONE),
        duration=Duration(seconds=MINUTES * 60),
    )


def tutorial(
    run_id: str, name: str, group_id: str, item_id: str, hour: int
) -> sessions_pb2.ScheduleSessionRequest:
    """Return the request for a tutorial of a group of history, on Tuesday at `hour`."""
    return sessions_pb2.ScheduleSessionRequest(
        request_id=f"tutorial-{name}-{run_id}",
        run_id=run_id,
        activity_id="tutorial",
        title=f"Tutorial {name}",
        kind=types_pb2.SESSION_KIND_ONLINE,
        instructor_id=instructor(HISTORY),
        starts=types_pb2.CivilTime(local=f"2026-03-03T{hour}:00:00", zone=ZONE),
        duration=Duration(seconds=MINUTES * 60),
        join_url="https://meet.example.edu/hist-210",
        material_item_ids=[item_id],
        group_ids=[group_id],
    )


def seats() -> list[tuple[str, "types_pb2.SeatKind.ValueType"]]:
    """Return the learners of physics, each with the kind of seat to choose in the lecture."""
    return [(learner, types_pb2.SEAT_KIND_IN_ROOM) for learner in CLASSROOM_OF_PHYSICS] + [
        (learner, types_pb2.SEAT_KIND_ONLINE) for learner in ONLINE_OF_PHYSICS
    ]


def _person(
    chance: random.Random, name: str, role: "options_pb2.Role.ValueType"
) -> resources_pb2.Person:
    return resources_pb2.Person(
        id=name,
        given_name=name.split("-")[0].capitalize(),
        family_name=name.split("-", 1)[1],
        email=address(name),
        language="en" if role == options_pb2.ROLE_INSTRUCTOR else chance.choice(_LANGUAGES),
        zone=chance.choice(_ZONES),
        roles=[role],
    )


def _days(days: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(days=days))
    return duration


def _on(weekday: "resources_pb2.Weekday.ValueType", clock: str = "") -> resources_pb2.TimeRule:
    """Return the rule for a day of WEEK, at `clock` (HH:MM)."""
    day = resources_pb2.WeekDay(week=WEEK, weekday=weekday)
    return resources_pb2.TimeRule(civil=resources_pb2.CivilRule(week_day=day, time=clock))


def _reading(title: str, item_id: str) -> resources_pb2.Activity:
    return resources_pb2.Activity(
        id="reading",
        title=title,
        kind=types_pb2.ACTIVITY_KIND_ITEM,
        item_id=item_id,
        deadline=_on(_TUESDAY, "23:59"),
    )


def _item(name: str, title: str, item_id: str, days: int) -> resources_pb2.Activity:
    """Return an ITEM that is due some days after the enrolment, at the end of the day."""
    rule = resources_pb2.CivilRule(days_after_enrolment=days)
    return resources_pb2.Activity(
        id=name,
        title=title,
        kind=types_pb2.ACTIVITY_KIND_ITEM,
        item_id=item_id,
        deadline=resources_pb2.TimeRule(civil=rule),
    )


def _session(
    name: str, title: str, *requires: str, release: resources_pb2.TimeRule | None = None
) -> resources_pb2.Activity:
    return resources_pb2.Activity(
        id=name,
        title=title,
        kind=types_pb2.ACTIVITY_KIND_SESSION,
        requires=requires,
        release=release,
    )


def _after(
    name: str, title: str, kind: "types_pb2.ActivityKind.ValueType", anchor: str, days: int
) -> resources_pb2.Activity:
    rule = resources_pb2.TimeRule(
        after_activity=resources_pb2.AfterActivity(activity_id=anchor, offset=_days(days))
    )
    return resources_pb2.Activity(id=name, title=title, kind=kind, deadline=rule)
