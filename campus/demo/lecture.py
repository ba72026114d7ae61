"""Monday morning: the hybrid class takes place, and some learners are absent."""

from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from campus.demo import channel, meeting
from campus.demo.term import PHYSICS, instructor
from campus.demo.world import World


def play(world: World) -> None:
    """Start the class, let learners attend, and end the class."""
    world.narrator.scene("Monday morning: the lecture, in the room and online")
    _decide(world)
    _start(world)
    _come_in(world)
    channel.play(world)
    _leave_early(world)
    _end(world)
    world.narrator.events(world.tally.new_events())


def _decide(world: World) -> None:
    """Choose who attends the class, or a part of it; the others are absent."""
    groups = world.groups
    expected = groups["classroom"] | groups["online"]
    groups["room_present"] = world.pick(groups["in_room"], 52)
    at_home = groups["online"]
    groups["partial"] = world.pick(at_home, 4)
    groups["online_present"] = world.pick(at_home - groups["partial"], 24)
    groups["online_present"] |= world.pick(groups["waiting"], 6)
    groups["present"] = groups["room_present"] | groups["online_present"]
    groups["absent"] = expected - groups["present"] - groups["partial"]
    # They can't come without a seat. They are not absent, and get the recording all the same.
    groups["seatless"] = groups["waiting"] & groups["absent"]


def _start(world: World) -> None:
    world.go_to(1, "09:00")
    world.staff.sessions.StartSession(
        sessions_pb2.StartSessionRequest(session_id=world.sessions[PHYSICS])
    )
    world.narrator.say("The lecture begins.")


def _come_in(world: World) -> None:
    world.go_to(1, "09:02")
    code = world.staff.sessions.GetSession(
        sessions_pb2.GetSessionRequest(session_id=world.sessions[PHYSICS])
    ).check_in_code
    world.all_at_once(
        lambda learner: world.as_learner(learner).sessions.CheckIn(
            sessions_pb2.CheckInRequest(
                session_id=world.sessions[PHYSICS], learner_id=learner, code=code
            )
        ),
        sorted(world.groups["room_present"]),
    )
    meeting.come_in(world, world.groups["online_present"])
    world.narrator.say(
        f"{len(world.groups['room_present'])} check in with the code shown in the room. "
        f"{len(world.groups['online_present'])} join online by their links, and the meeting "
        "provider tells it."
    )


def _leave_early(world: World) -> None:
    world.go_to(1, "09:40")
    meeting.visit(world, world.groups["partial"], joined=5, left=20)
    world.narrator.say(
        f"The provider tells, late, twice and backwards, that {len(world.groups['partial'])} more "
        "were there from 09:05 to 09:20."
    )


def _end(world: World) -> None:
    world.go_to(1, "09:50")
    world.staff.sessions.EndSession(
        sessions_pb2.EndSessionRequest(session_id=world.sessions[PHYSICS])
    )
    world.until("the attendance to be final", lambda: _is_settled(world))
    verdicts = attendance(world)
    counts = {kind: sum(verdict == kind for verdict in verdicts.values()) for kind in _LABELS}
    world.until(
        "the attendance to be published",
        lambda: world.tally.count("sessions.attendance.settled") >= 1,
    )
    world.narrator.say(
        "The lecture ends. The attendance is final: "
        + ", ".join(f"{count} {_LABELS[kind]}" for kind, count in counts.items())
        + f". {len(world.groups['seatless'])} only waited for a seat, and are not absent."
    )
    _excuse(world)


def _excuse(world: World) -> None:
    (learner,) = world.pick(world.groups["absent"] - world.groups["seatless"], 1)
    teacher = world.as_instructor(instructor(PHYSICS))
    teacher.sessions.CorrectAttendance(
        sessions_pb2.CorrectAttendanceRequest(
            session_id=world.sessions[PHYSICS],
            learner_id=learner,
            verdict=types_pb2.ATTENDANCE_VERDICT_EXCUSED,
            reason="represents the university at a tournament",
        )
    )
    world.groups |= {"excused": {learner}, "absent": world.groups["absent"] - {learner}}
    world.narrator.say(f"The instructor excuses {learner}: nothing is to be caught up.")
    world.until("the excuse to be known to progress", lambda: _is_excused(world, learner))


def _is_excused(world: World, learner: str) -> bool:
    found = world.staff.progress.GetProgress(
        progress_pb2.GetProgressRequest(run_id=world.runs[PHYSICS], learner_id=learner)
    )
    states = {each.activity_id: each.state for each in found.activities}
    return states["lecture"] == progress.ACTIVITY_STATE_COMPLETED


def _is_settled(world: World) -> bool:
    session = world.staff.sessions.GetSession(
        sessions_pb2.GetSessionRequest(session_id=world.sessions[PHYSICS])
    )
    return session.HasField("attendance_settled_at")


_LABELS = {
    types_pb2.ATTENDANCE_VERDICT_PRESENT: "present",
    types_pb2.ATTENDANCE_VERDICT_PARTIAL: "partly present",
    types_pb2.ATTENDANCE_VERDICT_ABSENT: "absent",
}


def attendance(
    world: World, session_id: str = ""
) -> dict[str, "types_pb2.AttendanceVerdict.ValueType"]:
    """Return the attendance status of each learner of a session, or (empty) of the lecture."""
    answer = world.staff.sessions.ListAttendance(
        sessions_pb2.ListAttendanceRequest(
            session_id=session_id or world.sessions[PHYSICS], page_size=1000
        )
    )
    return {row.learner_id: row.verdict for row in answer.attendance}
