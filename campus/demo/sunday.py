"""Sunday evening: the roster, the courses with their paths, the enrolments."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.library.v1 import library_pb2
from tandem.library.v1 import resources_pb2 as library_resources
from tandem.options.v1 import options_pb2
from tandem.types.v1 import types_pb2

from campus.demo import media
from campus.demo.world import World
from campus.upload import upload

LEARNERS = 200
PHYSICS, HISTORY, PROGRAMMING = "PHYS-101", "HIST-210", "PROG-150"
PROGRAMMING_PLACES = 50
CATCH_UP_DAYS = 3
_ZONES = ["Europe/Dublin"] * 8 + ["America/New_York", "Asia/Kolkata"]
_DELIVERY = {
    PHYSICS: types_pb2.DELIVERY_MODE_BLENDED,
    HISTORY: types_pb2.DELIVERY_MODE_SYNCHRONOUS,
    PROGRAMMING: types_pb2.DELIVERY_MODE_ASYNCHRONOUS,
}
_TITLES = {
    PHYSICS: "Physics 1",
    HISTORY: "Europe since 1945",
    PROGRAMMING: "Programming for everyone",
}


def play(world: World) -> None:
    """Set the term up."""
    world.narrator.scene("Sunday evening: the term is set up")
    _roster(world)
    _courses(world)
    _materials(world)
    _paths(world)
    _enrolments(world)
    world.narrator.events(world.tally.news())


def instructor(code: str) -> str:
    """Who teaches a course."""
    return f"instructor-{code.lower()}"


def address(name: str) -> str:
    """Where a person's mail goes."""
    return f"{name}@example.edu"


def everyone(world: World) -> list[str]:
    """All people of the roster but the registrar's office."""
    learners = {name for group in world.learners.values() for name in group}
    return sorted(learners) + [instructor(code) for code in _TITLES]


def _roster(world: World) -> None:
    learners = [f"learner-{number:03d}" for number in range(1, LEARNERS + 1)]
    people = [_person(world, name, options_pb2.ROLE_LEARNER) for name in learners]
    people += [_person(world, instructor(code), options_pb2.ROLE_INSTRUCTOR) for code in _TITLES]
    answer = world.staff.catalog.BatchUpsertPeople(
        catalog_pb2.BatchUpsertPeopleRequest(request_id="roster", people=people)
    )
    taken = sum(not row.violations for row in answer.results)
    world.narrator.say(f"The student records system sends the roster: {taken} people.")
    world.learners = {
        PHYSICS: learners[:120],
        HISTORY: learners[100:160],
        PROGRAMMING: learners[140:],
    }


def _person(world: World, name: str, role: "options_pb2.Role.ValueType") -> resources_pb2.Person:
    return resources_pb2.Person(
        id=name,
        given_name=name.split("-")[0].capitalize(),
        family_name=name.split("-", 1)[1],
        email=address(name),
        language=world.random.choice(["en", "en", "de-AT"]),
        zone=world.random.choice(_ZONES),
        roles=[role],
    )


def _courses(world: World) -> None:
    for code, title in _TITLES.items():
        course = world.staff.catalog.CreateCourse(
            catalog_pb2.CreateCourseRequest(request_id=f"course-{code}", code=code, title=title)
        )
        run = world.staff.catalog.OpenRun(
            catalog_pb2.OpenRunRequest(
                request_id=f"run-{code}",
                course_id=course.id,
                term="2026-spring",
                delivery_mode=_DELIVERY[code],
                zone="Europe/Dublin",
                start_date="2026-03-01",
                end_date="2026-05-29",
                capacity=PROGRAMMING_PLACES if code == PROGRAMMING else 0,
                instructor_ids=[instructor(code)],
                policy=resources_pb2.RunPolicy(catch_up_within=_days(CATCH_UP_DAYS)),
            )
        )
        world.runs[code] = run.id
    world.narrator.say(
        "Three runs open: [bold]PHYS-101[/] blended, [bold]HIST-210[/] in the room, "
        f"[bold]PROG-150[/] self-paced with {PROGRAMMING_PLACES} places."
    )


def _materials(world: World) -> None:
    for name in ("physics-reading", "history-reading", "programming-book"):
        world.items[name] = upload(
            world.staff,
            name.replace("-", " ").capitalize(),
            media.document(name),
            types_pb2.ITEM_KIND_PDF,
            "application/pdf",
        )
    world.until("the documents to be verified", lambda: available(world, *world.items))
    world.narrator.say(
        "Three documents go straight to the S3 store; the library verifies each byte."
    )


def available(world: World, *names: str) -> bool:
    """Whether the items of these names may be read."""
    answer = world.staff.library.ListItems(
        library_pb2.ListItemsRequest(item_ids=[world.items[name] for name in names])
    )
    states = [item.state for item in answer.items]
    return states == [library_resources.ITEM_STATE_AVAILABLE] * len(names)


def _paths(world: World) -> None:
    paths = {
        PHYSICS: [
            _item("reading", "Read chapter 1", world.items["physics-reading"], 2),
            _session("lecture", "Lecture: motion", "reading"),
            _after("worksheet", "Worksheet", types_pb2.ACTIVITY_KIND_TASK, "lecture", 3),
            _after("quiz", "Quiz 1", types_pb2.ACTIVITY_KIND_CHECKPOINT, "worksheet", 2),
        ],
        HISTORY: [
            _session("seminar", "Seminar: Yalta"),
            _after("essay", "Essay", types_pb2.ACTIVITY_KIND_TASK, "seminar", 7),
        ],
        PROGRAMMING: [
            _item("book", "Read the book's first part", world.items["programming-book"], 14),
            _after("exercise", "Exercise 1", types_pb2.ACTIVITY_KIND_TASK, "book", 7),
        ],
    }
    for code, activities in paths.items():
        world.staff.catalog.PublishPath(
            catalog_pb2.PublishPathRequest(
                request_id=f"path-{code}", run_id=world.runs[code], activities=activities
            )
        )
    world.narrator.say("Each run gets its path: what comes in which order, and by when.")


def _enrolments(world: World) -> None:
    physics = world.learners[PHYSICS]
    modes = {
        PHYSICS: [_CLASSROOM] * 80 + [_ONLINE] * 30 + [_SELF_PACED] * 10,
        HISTORY: [_CLASSROOM] * len(world.learners[HISTORY]),
        PROGRAMMING: [_SELF_PACED] * len(world.learners[PROGRAMMING]),
    }
    world.groups["classroom"] = set(physics[:80])
    world.groups["online"] = set(physics[80:110])
    for code, chosen in modes.items():
        world.staff.catalog.BatchEnrol(
            catalog_pb2.BatchEnrolRequest(
                request_id=f"enrol-{code}",
                run_id=world.runs[code],
                rows=[
                    catalog_pb2.EnrolRow(learner_id=learner, mode=mode)
                    for learner, mode in zip(world.learners[code], chosen, strict=True)
                ],
            )
        )
    world.narrator.say(
        f"{sum(map(len, world.learners.values()))} enrolments; "
        f"{len(world.learners[PROGRAMMING]) - PROGRAMMING_PLACES} wait for a place in PROG-150."
    )
    _one_leaves(world)


def _one_leaves(world: World) -> None:
    leaver = world.learners[PROGRAMMING][0]
    world.as_learner(leaver).catalog.Withdraw(
        catalog_pb2.WithdrawRequest(run_id=world.runs[PROGRAMMING], learner_id=leaver)
    )
    world.groups["withdrawn"] = {leaver}
    world.narrator.say(
        f"{leaver} leaves PROG-150: the first who waits gets the place, and is told."
    )
    world.until(
        "the promotion to be known", lambda: world.tally.count("catalog.enrolment.promoted") == 1
    )


_CLASSROOM = types_pb2.ATTENDANCE_MODE_CLASSROOM
_ONLINE = types_pb2.ATTENDANCE_MODE_ONLINE
_SELF_PACED = types_pb2.ATTENDANCE_MODE_SELF_PACED


def _days(days: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(days=days))
    return duration


def _item(name: str, title: str, item_id: str, days: int) -> resources_pb2.Activity:
    return resources_pb2.Activity(
        id=name,
        title=title,
        kind=types_pb2.ACTIVITY_KIND_ITEM,
        item_id=item_id,
        deadline=resources_pb2.TimeRule(after_enrolment=_days(days)),
    )


def _session(name: str, title: str, *requires: str) -> resources_pb2.Activity:
    return resources_pb2.Activity(
        id=name, title=title, kind=types_pb2.ACTIVITY_KIND_SESSION, requires=requires
    )


def _after(
    name: str, title: str, kind: "types_pb2.ActivityKind.ValueType", anchor: str, days: int
) -> resources_pb2.Activity:
    rule = resources_pb2.TimeRule(
        after_activity=resources_pb2.AfterActivity(activity_id=anchor, offset=_days(days))
    )
    return resources_pb2.Activity(id=name, title=title, kind=kind, deadline=rule)
