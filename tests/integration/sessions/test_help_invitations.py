"""Invitations to help sessions through the real edge and MongoDB: who is invited where, answers,
who waits, and what ends the wait.
"""

from collections import Counter
from datetime import timedelta
from itertools import permutations
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.testing import figure
from services.sessions.domain.help import ASK_AGAIN_AFTER
from services.sessions.timers_help import invite_to_help
from services.sessions.usecases import help_invitations
from services.sessions.worker import expire_offers
from tests.deep import only_deep
from tests.integration.processes import eventually
from tests.integration.sessions.school import RUN, School, race, refused, worker
from tests.integration.sessions.test_help_sessions import DESK, JOINED
from tests.mongo import end_leases, end_transactions

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
    school.presence_event(session, (learner, JOINED, 0))
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


def test_who_is_not_behind_any_more_is_not_invited(school: School) -> None:
    """An invitation without an answer is taken back, and goes to the next; a wait ends; a seat that
    was taken stays.
    """
    school.enrol("ada", "bob", "cyd", "dan", mode=CLASSROOM)
    session = desk(school, kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="")
    fall(school, "ada", "bob", "cyd", "dan")
    answer(school, session, "bob", take=True)
    recover(school, "cyd")
    recover(school, "ada", "bob")
    assert states(school, session) == {"ada": WITHDRAWN, "bob": TAKEN, "dan": INVITED}
    ended = school.published(events_pb2.SeatOfferEnded)
    assert (ended[-1].learner_id, ended[-1].outcome) == (
        "ada",
        events_pb2.SEAT_OFFER_OUTCOME_WITHDRAWN,
    )
    fall(school, "ada", days=-1)
    answer(school, session, "dan", take=False)
    assert states(school, session) == {"ada": INVITED, "bob": TAKEN, "dan": DECLINED}


def test_who_waits_is_invited_when_a_session_is_planned(school: School) -> None:
    """Those who are behind for longest come first, as many as there are places."""
    school.enrol("ada", "bob", "cyd", mode=CLASSROOM)
    fall(school, "ada")
    fall(school, "bob", days=3)
    fall(school, "cyd", days=2)
    assert told(school) == []
    session = desk(school, kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="")
    invite_to_help(school.database)
    assert told(school) == [("bob", session.id), ("cyd", session.id)]


def test_a_cancelled_or_moved_session_invites_anew(school: School) -> None:
    """Who had taken a seat in the cancelled one, or was asked for the old time, waits again."""
    school.enrol("ada", "bob", mode=CLASSROOM)
    session = desk(school, 3)
    fall(school, "ada", "bob")
    answer(school, session, "ada", take=True)
    move = sessions_pb2.MoveSessionRequest(session_id=session.id, starts=noon(4))
    school.staff.MoveSession(move)
    invite_to_help(school.database)
    assert told(school) == [(each, session.id) for each in ("ada", "bob", "bob")]
    other = desk(school, 9)
    cancel = sessions_pb2.CancelSessionRequest(session_id=session.id, reason="ill")
    school.staff.CancelSession(cancel)
    invite_to_help(school.database)
    assert states(school, session) == {"ada": WITHDRAWN, "bob": WITHDRAWN}
    assert states(school, other) == {"ada": INVITED, "bob": INVITED}


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


def test_who_leaves_is_not_invited(school: School) -> None:
    """A withdrawal takes the invitation back and ends the wait; so does the end of the run."""
    school.enrol("ada", "bob", "cyd", mode=CLASSROOM)
    session = desk(school, kind=types_pb2.SESSION_KIND_IN_ROOM, join_url="")
    fall(school, "ada", "bob", "cyd")

    def leave(learner: str) -> None:
        left = catalog.EnrolmentWithdrawn(run_id=RUN, learner_id=learner)
        school.hear("rosters", left)
        invite_to_help(school.database)

    leave("cyd")
    leave("ada")
    assert states(school, session) == {"ada": WITHDRAWN, "bob": INVITED}
    school.enrol("dan", mode=CLASSROOM)
    school.hear("falling_behind", *fell(school, "dan"))
    facts = catalog.RunFacts(run_id=RUN, instructor_ids=["curie"])
    facts.closed_at.CopyFrom(school.at())
    school.hear("rosters", catalog.RunClosed(run_id=RUN, run=facts))
    invite_to_help(school.database)
    assert states(school, session) == {"ada": WITHDRAWN, "bob": INVITED}
    assert school.database.mongo["help_turns"].count_documents({}) == 0


@pytest.mark.parametrize("order", permutations(range(3)))
def test_news_in_any_order_end_alike(school: School, order: tuple[int, ...]) -> None:
    """Behind, not behind, behind again: the newest counts, and the learner has one invitation."""
    school.enrol("ada", mode=CLASSROOM)
    session = desk(school)
    news = (*fell(school, "ada", days=5), recovered(school, "ada"), *fell(school, "ada"))
    for place in order:
        school.hear("falling_behind", news[place], sequences=[90 + place])
        invite_to_help(school.database)
    assert states(school, session) == {"ada": INVITED}
    assert school.get(session).in_room == 1
    [row] = school.database.mongo["falls"].find()
    assert (row["sequence"], row["state"]) == (92, "INVITED")


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


def crowd(school: School, count: int) -> list[str]:
    """Learners of the classroom who are in the run."""
    learners = [f"learner-{number:04d}" for number in range(count)]
    school.enrol(*learners, mode=CLASSROOM)
    return learners


def overflow(school: School, count: int, seats: int) -> None:
    """Many fall behind at once, while others choose seats: no seat is given twice."""
    learners = crowd(school, count)
    session = desk(
        school,
        kind=types_pb2.SESSION_KIND_IN_ROOM,
        join_url="",
        room_id=school.room(capacity=seats),
    )
    school.hear("falling_behind", *fell(school, *learners[4:]))

    def choose(learner: str) -> object:
        if not learner:
            invite_to_help(school.database)
            return None
        request = sessions_pb2.ChooseSeatRequest(
            session_id=session.id, learner_id=learner, kind=IN_ROOM
        )
        return school.api.ChooseSeat(request, None)

    race(choose, ["", "", *learners[:4]])
    now = school.get(session)
    held = [each for each in school.seats(session) if each.HasField("offer_expires_at")]
    taken = [each for each in school.seats(session) if each.kind == IN_ROOM]
    assert (now.in_room, len(held) + len(taken)) == (seats, seats)
    assert sorted(states(school, session)) == sorted(each.learner_id for each in held)
    invited = figure("tandem_sessions_help_invitations_total", event="invited")
    assert invited >= len(held)


def test_many_who_fall_behind_at_once_are_never_too_many(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In portions of five, by two workers at once, beside learners who choose seats."""
    monkeypatch.setattr(help_invitations, "MOST", 5)
    overflow(school, 24, 12)


@only_deep
def test_two_thousand_fall_behind_at_once(school: School) -> None:
    """One help session of thirty seats has thirty invitations."""
    overflow(school, 2_000, 30)


def test_a_round_that_is_killed_goes_on(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit of work that fails leaves nothing; the next run of the timer goes on after the last
    one that was committed, and nobody is left out.
    """
    monkeypatch.setattr(help_invitations, "MOST", 2)
    learners = crowd(school, 7)
    session = desk(school, room_id=school.room(capacity=20))
    school.hear("falling_behind", *fell(school, *learners))
    send, sent = help_invitations._send, list[str]()

    def dies(*args: Any) -> Any:
        after = send(*args)
        sent.append(args[1].learner_id)
        if len(sent) == 4:
            raise RuntimeError("killed")
        return after

    monkeypatch.setattr(help_invitations, "_send", dies)
    invite_to_help(school.database)
    assert len(states(school, session)) == 2
    invite_to_help(school.database)
    assert (len(states(school, session)), len(told(school))) == (7, 7)
    assert school.get(session).in_room == 7


@only_deep
def test_a_worker_killed_in_the_middle_invites_everybody_once(
    school: School, stack: dict[str, str], vhost: str
) -> None:
    """Killed while it invites 600 learners; the next worker goes on, and invites nobody twice."""
    learners = crowd(school, 600)
    # In the far future of the worker's own clock.
    starts = types_pb2.CivilTime(local="2099-03-02T12:00:00", zone="Europe/Dublin")
    session = desk(school, room_id=school.room(capacity=600), starts=starts)
    school.hear("falling_behind", *fell(school, *learners))
    with worker(school, stack, vhost) as process:
        eventually(lambda: len(told(school)) > 0)
        process.kill()
    end_transactions(school.database.client, "sessions")
    end_leases(school.database.mongo)
    with worker(school, stack, vhost):
        eventually(lambda: len(told(school)) == len(learners))
    assert Counter(told(school)) == Counter((each, session.id) for each in learners)
    assert school.get(session).in_room == len(learners)
