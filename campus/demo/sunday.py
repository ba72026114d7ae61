"""Sunday evening: people, the courses with their paths, the enrolments."""

from functools import partial

from tandem.catalog.v1 import catalog_pb2
from tandem.library.v1 import library_pb2
from tandem.library.v1 import resources_pb2 as library_resources
from tandem.types.v1 import types_pb2

from campus.demo import media, roster, term
from campus.demo.term import PHYSICS, PROGRAMMING, PROGRAMMING_PLACES
from campus.demo.world import MONDAY, World
from campus.upload import upload


def play(world: World) -> None:
    """Create the term."""
    world.go_to(0, "18:00")
    world.narrator.scene("Sunday evening: the term is set up")
    _roster(world)
    _courses(world)
    roster.play(world)
    _availability(world)
    _materials(world)
    _paths(world)
    _enrolments(world)
    world.narrator.events(world.tally.new_events())


def _roster(world: World) -> None:
    answer = world.staff.catalog.BatchUpsertPeople(term.roster(world.random, without=term.IMPORTED))
    taken = sum(not row.violations for row in answer.results)
    world.narrator.say(f"The registrar's office sends {taken} people.")
    world.learners = dict(term.LEARNERS_OF)


def _courses(world: World) -> None:
    for code in (PHYSICS, PROGRAMMING):
        course = world.staff.catalog.CreateCourse(term.course(code))
        world.runs[code] = world.staff.catalog.OpenRun(term.run(code, course.id, MONDAY)).id
    world.narrator.say(
        f"Two runs open: [bold]{PHYSICS}[/] blended, [bold]{PROGRAMMING}[/] self-paced with "
        f"{PROGRAMMING_PLACES} places."
    )


def _materials(world: World) -> None:
    for name in term.MATERIALS:
        world.items[name] = upload(
            world.staff,
            name.replace("-", " ").capitalize(),
            media.document(name),
            types_pb2.ITEM_KIND_PDF,
            "application/pdf",
        )
    world.until("the documents to be verified", lambda: available(world, *world.items))
    world.narrator.say(
        "Three documents are uploaded directly to the S3 store. The library verifies them."
    )


def available(world: World, *names: str) -> bool:
    """Return whether all items of these names are AVAILABLE."""
    answer = world.staff.library.ListItems(
        library_pb2.ListItemsRequest(item_ids=[world.items[name] for name in names])
    )
    states = [item.state for item in answer.items]
    return states == [library_resources.ITEM_STATE_AVAILABLE] * len(names)


def _availability(world: World) -> None:
    asked = {code: term.availability(code) for code in term.TITLES}
    for code, request in asked.items():
        services = world.as_instructor(term.instructor(code))
        tell = partial(services.sessions.SetAvailability, request)
        world.until("the instructors to be known to sessions", partial(world.is_taken, tell))
    world.narrator.say("The instructors tell when they can teach: on working days, 08:00 to 18:00.")


def _paths(world: World) -> None:
    for code in term.TITLES:
        world.staff.catalog.PublishPath(term.path(code, world.runs[code], world.items))
    world.narrator.say("Each run gets its path: activities in an order, with deadlines.")


def _enrolments(world: World) -> None:
    world.groups["classroom"] = set(term.CLASSROOM_OF_PHYSICS)
    world.groups["online"] = set(term.ONLINE_OF_PHYSICS)
    codes = (PHYSICS, PROGRAMMING)
    for code in codes:
        world.staff.catalog.BatchEnrol(term.enrolments(code, world.runs[code]))
    world.narrator.say(
        f"{sum(len(world.learners[code]) for code in codes)} enrolments in the other two; "
        f"{len(world.learners[PROGRAMMING]) - PROGRAMMING_PLACES} learners wait for a place in "
        "PROG-150."
    )
    _one_leaves(world)


def _one_leaves(world: World) -> None:
    leaver = world.learners[PROGRAMMING][0]
    world.as_learner(leaver).catalog.Withdraw(
        catalog_pb2.WithdrawRequest(run_id=world.runs[PROGRAMMING], learner_id=leaver)
    )
    world.groups["withdrawn"] = {leaver}
    world.narrator.say(
        f"{leaver} leaves PROG-150. The first learner on the waiting list gets the place."
    )
    world.until("the promotion", lambda: world.tally.count("catalog.enrolment.promoted") == 1)
