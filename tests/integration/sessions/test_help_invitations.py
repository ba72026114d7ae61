"""Invitations to help sessions through the real edge and MongoDB: who is invited where, and the
answers.
"""

from datetime import timedelta

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.domain.help import ASK_AGAIN_AFTER
from services.sessions.timers_help import invite_to_help
from services.sessions.worker import expire_offers
from tests.integration.sessions.help_desk import (
    CAME,
    CLASSROOM,
    DECLINED,
    IN_ROOM,
    INVITED,
    LAPSED,
    NONE,
    ONLINE,
    PRECONDITION,
    TAKEN,
    answer,
    desk,
    fall,
    fell,
    noon,
    states,
    told,
)
from tests.integration.sessions.school import RUN, School, refused


def test_who_falls_behind_is_invited_to_the_next_help_session(school: School) -> None:
    """A seat in the room is held for a learner of the classroom, and one online for others; the
    event tells when, where, and until when to answer.
    """
    school.enrol("ada", mode=CLASSROOM)
    school.enrol("bob")
    later, session = desk(school, 9), desk(school, 3)
    fall(school, "ada", "bob")
    assert states(school, session) == {"ada": INVITED, "bob": INVITED}
    assert states(school, later) == {}
    by_learner = {each.learner_id: each for each in school.published(events_pb2.HelpInvited)}
    ada, bob = by_learner["ada"], by_learner["bob"]
    assert (ada.kind, bob.kind) == (IN_ROOM, ONLINE)
    assert (ada.room, bob.room) == ("Room 1", "")
    assert (ada.start_time, ada.end_time) == (session.start_time, session.end_time)
    assert (ada.enrolment_id, ada.title) == ("e-ada", "Help desk")
    assert ada.answer_by == school.at(120)
    assert bob.answer_by.ToDatetime() == session.start_time.ToDatetime() - timedelta(hours=1)
    offered = school.published(events_pb2.SeatOffered)
    assert [(each.invitation, each.offered_kind) for each in offered] == [
        (True, IN_ROOM),
        (True, ONLINE),
    ]
    now = school.get(session)
    assert (now.in_room, now.online) == (1, 1)


@pytest.mark.parametrize("learner", ["ada", "bob"])
def test_an_invitation_is_answered(school: School, learner: str) -> None:
    """Who takes it has the seat, in the room or online, and who came is told; nobody is invited
    twice for one fall, though its news come again.
    """
    school.enrol("ada", mode=CLASSROOM)
    school.enrol("bob")
    session = desk(school)
    news = fell(school, learner)
    school.hear("falling_behind", *news, sequences=[90])
    invite_to_help(school.database)
    assert answer(school, session, learner, take=True).kind == (
        IN_ROOM if learner == "ada" else ONLINE
    )
    school.hear("falling_behind", *news, sequences=[90])
    school.hear("falling_behind", *news, sequences=[91])
    desk(school, 3)
    invite_to_help(school.database)
    assert told(school) == [(learner, session.id)]
    assert states(school, session) == {learner: TAKEN}
    now = school.get(session)
    assert now.in_room + now.online == 1
    school.clock.forward(hours=4)
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    school.presence_event(session, (learner, sessions_pb2.PRESENCE_KIND_JOINED, 0))
    school.clock.forward(minutes=60)
    school.end(session)
    assert states(school, session) == {learner: CAME}


def test_who_declines_is_asked_later_for_another_session(school: School) -> None:
    """Never again for the same one, and for another only after three days; the next one who waits
    gets the seat.
    """
    school.enrol("ada", "bob", "cyd", mode=CLASSROOM)
    first = desk(school, 3, online_seats=1, room_id=school.room(capacity=1))
    fall(school, "ada", "bob", "cyd")
    assert states(school, first) == {"ada": INVITED, "bob": INVITED}
    answer(school, first, "ada", take=False)
    assert states(school, first) == {"ada": DECLINED, "bob": INVITED, "cyd": INVITED}
    second = desk(school, 9)
    invite_to_help(school.database)
    assert states(school, second) == {}
    school.clock.forward(hours=ASK_AGAIN_AFTER.total_seconds() / 3600 + 1)
    invite_to_help(school.database)
    assert states(school, second)["ada"] == INVITED


def test_an_invitation_lapses(school: School) -> None:
    """Who does not answer in time loses the seat to the next one, and is not asked again for it."""
    school.enrol("ada", "bob", mode=CLASSROOM)
    session = desk(
        school, 3, kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="", room_id=school.room(capacity=1)
    )
    fall(school, "ada", "bob")
    assert states(school, session) == {"ada": INVITED}
    school.clock.forward(minutes=121)
    expire_offers(school.database)
    invite_to_help(school.database)
    assert states(school, session) == {"ada": LAPSED, "bob": INVITED}
    school.clock.forward(minutes=121)
    expire_offers(school.database)
    invite_to_help(school.database)
    assert (states(school, session), school.get(session).in_room) == (
        {"ada": LAPSED, "bob": LAPSED},
        0,
    )


def test_an_online_seat_that_is_limited_is_held(school: School) -> None:
    """It counts as taken until the answer, and then goes to whoever wants it."""
    school.enrol("ada", "bob")
    session = desk(school, online_seats=1)
    fall(school, "ada")
    assert (school.get(session).online, states(school, session)) == (1, {"ada": INVITED})
    code, text = refused(lambda: school.choose(session, "bob", ONLINE))
    assert (code, "all 1 online seats are taken" in text) == (PRECONDITION, True)
    assert answer(school, session, "ada", take=False).kind == NONE
    assert school.choose(session, "bob", ONLINE).kind == ONLINE
    assert school.get(session).online == 1


def test_nobody_is_invited_where_they_can_not_come(school: School) -> None:
    """Not to a session of other groups, at the time of a class of any run, after the cut-off, or to
    a class; and who has a seat already needs no invitation.
    """
    school.open_run("run-2")
    school.enrol("ada", "bob", "cyd")
    school.enrol("ada", run_id="run-2")
    school.schedule(school.room(), run_id="run-2", starts=noon(4))
    school.schedule(school.room("Lab"), starts=noon(5), activity_id="lab")
    school.hear(
        "rosters",
        catalog.GroupChanged(group_id="a", run_id=RUN, name="A"),
        catalog.GroupMemberChanged(run_id=RUN, learner_id="bob", group_ids=["a"]),
    )
    school.clock.forward(hours=3.5)
    bohr = {"instructor_id": "bohr"}
    desk(school, 2)
    grouped, busy, free = desk(school, 3, group_ids=["a"]), desk(school, 4, **bohr), desk(school, 9)
    school.choose(busy, "cyd", ONLINE)
    fall(school, "ada", "bob", "cyd")
    assert sorted(told(school)) == sorted([("ada", free.id), ("bob", grouped.id)])
    assert states(school, busy) == {"cyd": TAKEN}


def test_each_learner_lists_the_own_invitations(school: School) -> None:
    """Others' are refused; staff of the run reads all."""
    school.enrol("ada", "bob")
    desk(school)
    fall(school, "ada", "bob")
    own = sessions_pb2.ListHelpInvitationsRequest(learner_id="ada")
    found = school.learner("ada").ListHelpInvitations(own).invitations
    assert [each.learner_id for each in found] == ["ada"]
    code, _ = refused(lambda: school.learner("bob").ListHelpInvitations(own))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    whole = sessions_pb2.ListHelpInvitationsRequest(run_id=RUN, page_size=1)
    page = school.staff.ListHelpInvitations(whole)
    whole.page_token = page.next_page_token
    rest = school.staff.ListHelpInvitations(whole)
    both = [*page.invitations, *rest.invitations]
    assert sorted(each.learner_id for each in both) == ["ada", "bob"]
