"""The Sunday before: STAT-120 begins, a week earlier than the other runs.

Nobody is falling behind in the first seven days of a run. So on the Sunday of the story progress
begins to judge the learners of this one.
"""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from campus.demo.term import MINUTES, ZONE, address, instructor, last_day
from campus.demo.world import MONDAY, World

STATISTICS = "STAT-120"
TITLE = "Statistics"
LEARNERS = ("learner-201", "learner-202", "learner-203")
BEHIND = LEARNERS[0]
"""Who does not hand in the first exercise in time."""
TEACHER = instructor(STATISTICS)
EXERCISE = "exercise-1"
HELP_SEATS = 2
_FIRST_MONDAY = MONDAY - timedelta(weeks=1)


def play(world: World) -> None:
    """Open the run with its path and its learners."""
    world.narrator.scene("The Sunday before: a run begins a week earlier")
    catalog = world.staff.catalog
    catalog.BatchUpsertPeople(_people())
    course = catalog.CreateCourse(catalog_pb2.CreateCourseRequest(code=STATISTICS, title=TITLE))
    world.runs[STATISTICS] = catalog.OpenRun(_run(course.id)).id
    catalog.PublishPath(_path(world.runs[STATISTICS]))
    catalog.BatchEnrol(_enrolments(world.runs[STATISTICS]))
    world.narrator.say(
        f"[bold]{STATISTICS}[/] begins with {len(LEARNERS)} learners. Its first exercise is due in "
        "a week, on Sunday at 20:00."
    )
    world.narrator.events(world.tally.new_events())


def help_session(world: World) -> sessions_pb2.ScheduleSessionRequest:
    """Return the request for a help session on Monday at 18:00, with few seats in the room."""
    return sessions_pb2.ScheduleSessionRequest(
        run_id=world.runs[STATISTICS],
        title="Help desk",
        purpose=types_pb2.SESSION_PURPOSE_HELP,
        kind=types_pb2.SESSION_KIND_IN_ROOM,
        room_id=world.rooms["Aula"],
        room_seats=HELP_SEATS,
        instructor_id=TEACHER,
        starts=types_pb2.CivilTime(local=f"{MONDAY}T18:00:00", zone=ZONE),
        duration=Duration(seconds=MINUTES * 60),
    )


def _people() -> catalog_pb2.BatchUpsertPeopleRequest:
    people = [_person(name, options_pb2.ROLE_LEARNER) for name in LEARNERS]
    return catalog_pb2.BatchUpsertPeopleRequest(
        people=[*people, _person(TEACHER, options_pb2.ROLE_INSTRUCTOR)]
    )


def _person(name: str, role: "options_pb2.Role.ValueType") -> resources_pb2.Person:
    given, _, family = name.partition("-")
    return resources_pb2.Person(
        id=name,
        given_name=given.capitalize(),
        family_name=family,
        email=address(name),
        language="en",
        zone=ZONE,
        roles=[role],
    )


def _run(course_id: str) -> catalog_pb2.OpenRunRequest:
    """Return the request that opens the run; of dues that approach, its learners are not told."""
    return catalog_pb2.OpenRunRequest(
        course_id=course_id,
        term=f"{_FIRST_MONDAY:%Y-%m}",
        delivery_mode=types_pb2.DELIVERY_MODE_BLENDED,
        zone=ZONE,
        start_date=str(_FIRST_MONDAY - timedelta(days=1)),
        end_date=str(last_day(_FIRST_MONDAY)),
        instructor_ids=[TEACHER],
        policy=resources_pb2.RunPolicy(due_notice=Duration()),
    )


def _path(run_id: str) -> catalog_pb2.PublishPathRequest:
    exercises = (
        _exercise(EXERCISE, "Exercise 1", week=2),
        _exercise("exercise-2", "Exercise 2", 4),
    )
    return catalog_pb2.PublishPathRequest(run_id=run_id, activities=exercises)


def _exercise(name: str, title: str, week: int) -> resources_pb2.Activity:
    """Return a task that is due on a week's Sunday at 20:00; the run's first day is in week 1."""
    day = resources_pb2.WeekDay(week=week, weekday=resources_pb2.WEEKDAY_SUNDAY)
    due = resources_pb2.TimeRule(civil=resources_pb2.CivilRule(week_day=day, time="20:00"))
    return resources_pb2.Activity(
        id=name, title=title, kind=types_pb2.ACTIVITY_KIND_TASK, deadline=due
    )


def _enrolments(run_id: str) -> catalog_pb2.BatchEnrolRequest:
    mode = types_pb2.ATTENDANCE_MODE_CLASSROOM
    rows = [catalog_pb2.EnrolRow(learner_id=learner, mode=mode) for learner in LEARNERS]
    return catalog_pb2.BatchEnrolRequest(run_id=run_id, rows=rows)
