"""Help sessions, and learners who fall behind and are invited to them."""

from datetime import timedelta
from typing import Any

import grpc
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.timers_help import invite_to_help
from tests.integration.sessions.school import RUN, School

HELP = types_pb2.SESSION_PURPOSE_HELP
DESK: dict[str, Any] = {"purpose": HELP, "activity_id": "", "title": "Help desk"}
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
NONE, IN_ROOM, ONLINE = (
    types_pb2.SEAT_KIND_UNSPECIFIED,
    types_pb2.SEAT_KIND_IN_ROOM,
    types_pb2.SEAT_KIND_ONLINE,
)
CLASSROOM = types_pb2.ATTENDANCE_MODE_CLASSROOM
INVITED, TAKEN, DECLINED, LAPSED, WITHDRAWN, CAME = (
    resources_pb2.HELP_INVITATION_STATE_INVITED,
    resources_pb2.HELP_INVITATION_STATE_TAKEN,
    resources_pb2.HELP_INVITATION_STATE_DECLINED,
    resources_pb2.HELP_INVITATION_STATE_LAPSED,
    resources_pb2.HELP_INVITATION_STATE_WITHDRAWN,
    resources_pb2.HELP_INVITATION_STATE_CAME,
)
Session = resources_pb2.Session
State = resources_pb2.HelpInvitationState


def noon(day: int) -> types_pb2.CivilTime:
    """Noon of a day of March; the school's clock stands on the second, at eight."""
    return types_pb2.CivilTime(local=f"2026-03-{day:02d}T12:00:00", zone="Europe/Dublin")


def desk(school: School, day: int = 2, **changes: Any) -> Session:
    """A help session at noon of a day: in a new room with two seats, and online without limit."""
    rooms = school.staff.ListRooms(sessions_pb2.ListRoomsRequest()).rooms
    room = changes.pop("room_id", None) or school.room(f"Room {len(rooms)}", 2)
    return school.schedule(room, **{**DESK, "starts": noon(day), **changes})


def fell(school: School, *learners: str, days: int = 0) -> list[progress.LearnerFellBehind]:
    """The news that learners fell behind some days ago; the first one a second before the next."""
    events = []
    for place, learner in enumerate(learners):
        each = progress.LearnerFellBehind(
            enrolment_id=f"e-{learner}", run_id=RUN, learner_id=learner
        )
        each.since.FromDatetime(school.clock.now() + timedelta(seconds=place, days=-days))
        events.append(each)
    return events


def recovered(school: School, learner: str) -> progress.LearnerRecovered:
    """The news that a learner is not behind any more."""
    return progress.LearnerRecovered(
        enrolment_id=f"e-{learner}", run_id=RUN, learner_id=learner, was_since=school.at()
    )


def fall(school: School, *learners: str, days: int = 0) -> None:
    """Learners fall behind, and the worker invites whom it can."""
    school.hear("falling_behind", *fell(school, *learners, days=days))
    invite_to_help(school.database)


def recover(school: School, *learners: str) -> None:
    """Learners are not behind any more, and the worker goes on."""
    school.hear("falling_behind", *(recovered(school, each) for each in learners))
    invite_to_help(school.database)


def answer(school: School, session: Session, learner: str, take: bool) -> resources_pb2.Seat:
    """A learner's answer; the worker goes on."""
    request = sessions_pb2.AnswerOfferRequest(session_id=session.id, learner_id=learner, take=take)
    seat = school.learner(learner).AnswerOffer(request)
    invite_to_help(school.database)
    return seat


def states(school: School, session: Session) -> "dict[str, State.ValueType]":
    """What became of the invitations to a session, by learner."""
    request = sessions_pb2.ListHelpInvitationsRequest(run_id=RUN, page_size=1000)
    rows = school.staff.ListHelpInvitations(request).invitations
    return {each.learner_id: each.state for each in rows if each.session_id == session.id}


def told(school: School) -> list[tuple[str, str]]:
    """The learners who were invited, each with the session, in order."""
    return [(each.learner_id, each.session_id) for each in school.published(events_pb2.HelpInvited)]
