"""Monday, 18:00: who fell behind gets help, hands in what was overdue, and has recovered."""

from collections.abc import Iterator

from tandem.sessions.v1 import resources_pb2 as sessions
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from campus.demo import falling_behind
from campus.demo.check import Check
from campus.demo.deliveries import finished, wait_for
from campus.demo.lecture import attendance
from campus.demo.statistics import BEHIND, LEARNERS, STATISTICS, TEACHER
from campus.demo.tutorials import joined
from campus.demo.world import World


def play(world: World) -> None:
    """Hold the help session."""
    world.narrator.scene("Monday, 18:00: help for who fell behind")
    before = finished(world)
    world.go_to(1, "17:00")
    wait_for(world, "the reminders of the help session", before, len(LEARNERS))
    world.go_to(1, "18:00")
    _begin(world)
    world.go_to(1, "18:45")
    falling_behind.hand_in(world, BEHIND)
    world.until("the recovery", lambda: world.tally.count("progress.learner.recovered") == 1)
    world.narrator.say(f"{BEHIND} comes, hands in the exercise there, and is not behind any more.")
    _end(world)
    world.narrator.events(world.tally.new_events())


def _begin(world: World) -> None:
    session_id, teacher = world.sessions[STATISTICS], world.as_instructor(TEACHER)
    teacher.sessions.StartSession(sessions_pb2.StartSessionRequest(session_id=session_id))
    marks = [joined(world, BEHIND)]
    world.staff.sessions.RecordPresence(
        sessions_pb2.RecordPresenceRequest(session_id=session_id, marks=marks)
    )


def _end(world: World) -> None:
    world.go_to(1, "18:50")
    session_id = world.sessions[STATISTICS]
    world.as_instructor(TEACHER).sessions.EndSession(
        sessions_pb2.EndSessionRequest(session_id=session_id)
    )
    came = {BEHIND: types_pb2.ATTENDANCE_VERDICT_PRESENT}
    world.until("the attendance of the help session", lambda: attendance(world, session_id) == came)


def check(world: World) -> Iterator[Check]:
    """Yield the checks of who fell behind, was invited, came, and recovered."""
    yield Check(
        "one learner fell behind, with one exercise overdue",
        {BEHIND: [("OVERDUE_WORK", 1.0, 1.0)]},
        world.behind_reasons,
    )
    yield Check(
        "the learner was invited to the help session, and came",
        [(BEHIND, world.sessions[STATISTICS], "IN_ROOM", "CAME")],
        [_told(each) for each in falling_behind.invitations(world)],
    )
    seats = sessions_pb2.ListSeatsRequest(session_id=world.sessions[STATISTICS])
    yield Check(
        "the learner has a seat in the room of the help session",
        [(BEHIND, types_pb2.SEAT_KIND_IN_ROOM)],
        [(each.learner_id, each.kind) for each in world.staff.sessions.ListSeats(seats).seats],
    )
    yield Check("nobody is behind at the end", {}, falling_behind.listed(world))


def _told(invitation: sessions.HelpInvitation) -> tuple[str, str, str, str]:
    kind = types_pb2.SeatKind.Name(invitation.kind).removeprefix("SEAT_KIND_")
    state = sessions.HelpInvitationState.Name(invitation.state)
    short = state.removeprefix("HELP_INVITATION_STATE_")
    return invitation.learner_id, invitation.session_id, kind, short
