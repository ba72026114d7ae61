"""Tuesday afternoon: two tutorial groups, one of them attended instead of the other; a late joiner.

Both groups have a session of the same activity. Attending one of them is enough.
"""

import uuid
from functools import partial

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import catalog_pb2
from tandem.catalog.v1 import resources_pb2 as catalog
from tandem.library.v1 import library_pb2
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import progress_pb2
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from campus.demo import term
from campus.demo.deliveries import finished, wait_for
from campus.demo.statements import said
from campus.demo.term import HISTORY, LATE_JOINER, TUTOR, TUTORIALS, instructor
from campus.demo.world import World
from campus.upload import read_range

_READ = "http://adlnet.gov/expapi/verbs/completed"
_NAMESPACE = uuid.UUID("0b7a5c1e-93a4-4a55-8d2a-6a1f3f0e2c90")


def play(world: World) -> None:
    """Make the groups, hold both tutorials, and let a learner join late."""
    world.narrator.scene("Tuesday, 12:00: two tutorial groups, and a late joiner")
    world.go_to(2, "12:00")
    _groups(world)
    _plan(world)
    absent = TUTORIALS["A"][0]
    world.groups["tutorial_absent"] = {absent}
    reminded = _hold(world, "A", 14, set(TUTORIALS["A"]) - {absent})
    world.until("the catch-up of the tutorial", lambda: _count(world, absent) == 1)
    wait_for(world, "the message about it", reminded, 2)
    world.narrator.say(f"{absent} is absent from tutorial A, and gets the reading as a catch-up.")
    _hold(world, "B", 16, {*TUTORIALS["B"], absent})
    world.until("the catch-up to be withdrawn", lambda: _count(world, absent) == 0)
    world.narrator.say(f"{absent} comes to tutorial B instead: the catch-up is withdrawn.")
    _join_late(world)
    world.narrator.events(world.tally.new_events())


def _groups(world: World) -> None:
    run_id = world.runs[HISTORY]
    for name, learners in TUTORIALS.items():
        group = world.staff.catalog.CreateGroup(
            catalog_pb2.CreateGroupRequest(run_id=run_id, name=f"Tutorial {name}")
        )
        world.tutorials[name] = group.id
        world.all_at_once(lambda learner, name=name: _assign(world, learner, name), learners)  # type: ignore[misc]
    teacher = catalog.StaffMember(
        person_id=instructor(HISTORY), role=options_pb2.STAFF_ROLE_TEACHER
    )
    tutor = catalog.StaffMember(
        person_id=TUTOR,
        role=options_pb2.STAFF_ROLE_ASSISTANT,
        group_ids=[world.tutorials["A"]],
    )
    world.staff.catalog.SetRunStaff(
        catalog_pb2.SetRunStaffRequest(run_id=run_id, staff=[teacher, tutor])
    )
    world.narrator.say(
        f"HIST-210 gets two groups of {len(TUTORIALS['A'])} learners. {TUTOR} is the tutor of A."
    )


def _assign(world: World, learner: str, name: str) -> None:
    world.staff.catalog.AssignGroup(
        catalog_pb2.AssignGroupRequest(
            run_id=world.runs[HISTORY], learner_id=learner, group_ids=[world.tutorials[name]]
        )
    )


def _plan(world: World) -> None:
    world.until("the groups to be known to sessions", lambda: _planned(world, "A", 14))
    world.until("the groups to be known to sessions", lambda: _planned(world, "B", 16))
    for name, learners in TUTORIALS.items():
        for learner in learners:
            world.until("the seats", lambda one=learner, of=name: _seated(world, one, of))  # type: ignore[misc]
    world.narrator.say("Tutorial A is at 14:00, tutorial B at 16:00, both online.")


def _planned(world: World, name: str, hour: int) -> bool:
    group_id, run_id = world.tutorials[name], world.runs[HISTORY]
    request = term.tutorial(run_id, name, group_id, world.items["history-reading"], hour)

    def plan() -> None:
        world.sessions[f"tutorial {name}"] = world.staff.sessions.ScheduleSession(request).id

    return world.is_taken(plan)


def _seated(world: World, learner: str, name: str) -> bool:
    """Let a learner choose a seat; return False while sessions does not know the group yet."""
    request = sessions_pb2.ChooseSeatRequest(
        session_id=world.sessions[f"tutorial {name}"],
        learner_id=learner,
        kind=types_pb2.SEAT_KIND_ONLINE,
    )
    return world.is_taken(lambda: world.as_learner(learner).sessions.ChooseSeat(request))


def _hold(world: World, name: str, hour: int, present: set[str]) -> int:
    """Remind the group, and hold its tutorial; return how many deliveries were finished before the
    end.
    """
    before = finished(world)
    world.go_to(2, f"{hour - 1}:00")
    wait_for(world, "the reminders of the tutorial", before, 2 * len(TUTORIALS[name]))
    reminded = finished(world)
    world.go_to(2, f"{hour}:00")
    session_id = world.sessions[f"tutorial {name}"]
    _start(world, name)
    marks = [joined(world, learner) for learner in sorted(present)]
    world.staff.sessions.RecordPresence(
        sessions_pb2.RecordPresenceRequest(session_id=session_id, marks=marks)
    )
    world.go_to(2, f"{hour}:50")
    world.staff.sessions.EndSession(sessions_pb2.EndSessionRequest(session_id=session_id))
    return reminded


def _start(world: World, name: str) -> None:
    """Let the tutor of group A start the tutorial; for B, the run's instructor has to."""
    tutor, teacher = map(world.as_instructor, (TUTOR, instructor(HISTORY)))
    request = sessions_pb2.StartSessionRequest(session_id=world.sessions[f"tutorial {name}"])
    if name == "A":
        denied = grpc.StatusCode.PERMISSION_DENIED
        start = partial(tutor.sessions.StartSession, request)
        world.until("the tutor to be known", lambda: world.is_taken(start, denied))
        return
    world.narrator.say("The tutor of group A tries to start the tutorial of group B.")
    try:
        tutor.sessions.StartSession(request)
    except grpc.RpcError as error:
        world.narrator.refused(str(error.details()))
    teacher.sessions.StartSession(request)


def joined(world: World, learner: str) -> sessions_pb2.PresenceMark:
    """Return that a learner joins a class now."""
    at = Timestamp()
    at.FromDatetime(world.clock.now())
    return sessions_pb2.PresenceMark(
        learner_id=learner,
        kind=sessions_pb2.PRESENCE_KIND_JOINED,
        at=at,
        connection="laptop",
    )


def _join_late(world: World) -> None:
    """Enrol a learner after the tutorials, and let the learner catch up on the group's."""
    before, made_up = finished(world), world.tally.count("progress.catch_up.completed")
    world.staff.catalog.Enrol(
        catalog_pb2.EnrolRequest(
            run_id=world.runs[HISTORY],
            learner_id=LATE_JOINER,
            mode=types_pb2.ATTENDANCE_MODE_CLASSROOM,
        )
    )
    _assign(world, LATE_JOINER, "B")
    world.until("the late joiner's catch-up", lambda: _count(world, LATE_JOINER) == 1)
    wait_for(world, "the message about the late joiner's catch-up", before, 2)
    world.narrator.say(
        f"{LATE_JOINER} joins HIST-210 late, in group B, and gets a catch-up of its tutorial."
    )
    _read(world)
    world.until(
        "the late joiner to have caught up",
        lambda: world.tally.count("progress.catch_up.completed") == made_up + 1,
    )
    wait_for(world, "the message about the completed catch-up", before, 3)
    world.narrator.say(f"{LATE_JOINER} reads the text: the class that was held before is made up.")


def _read(world: World) -> None:
    services, item_id = world.as_learner(LATE_JOINER), world.items["history-reading"]
    link = services.library.GetReadUrl(
        library_pb2.GetReadUrlRequest(item_id=item_id, reader_id=LATE_JOINER)
    )
    read_range(link.url, 0, 63)
    id_ = str(uuid.uuid5(_NAMESPACE, LATE_JOINER))
    statement = said(world, LATE_JOINER, _READ, HISTORY, id=id_, item_id=item_id)
    services.progress.RecordStatements(progress_pb2.RecordStatementsRequest(statements=[statement]))


def _count(world: World, learner: str) -> int:
    request = progress_pb2.ListCatchUpsRequest(run_id=world.runs[HISTORY], learner_id=learner)
    return len(world.staff.progress.ListCatchUps(request).catch_ups)
