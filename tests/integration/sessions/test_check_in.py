"""Check-in in the room by the code that is shown there."""

from tandem.sessions.v1 import events_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import FailedPrecondition, Invalid
from tests.integration.sessions.school import School, race, refused
from tests.integration.sessions.test_live import (
    IN_ROOM,
    INVALID,
    LEFT,
    ONLINE,
    PRECONDITION,
    check_in,
)


def test_only_staff_sees_the_code_and_only_while_live(school: School) -> None:
    """A learner who asks for the session gets no code."""
    school.enrol("ada")
    session = school.live(school.room(), "ada")
    assert len(session.check_in_code) == 6
    assert session.check_in_code_until == school.at(0.5)
    request = sessions_pb2.GetSessionRequest(session_id=session.id)
    shown = school.learner("ada").GetSession(request)
    assert (shown.check_in_code, shown.HasField("check_in_code_until")) == ("", False)
    listed = school.learner("ada").ListSessions(sessions_pb2.ListSessionsRequest())
    assert [one.check_in_code for one in listed.sessions] == [""]
    assert school.end(session).check_in_code == ""


def test_who_has_no_seat_takes_a_free_one_at_the_door(school: School) -> None:
    """The check-in takes a free seat; besides the right code, it needs a place in the run."""
    school.enrol("ada", "bob", mode=types_pb2.ATTENDANCE_MODE_CLASSROOM)
    session = school.live(school.room(capacity=1))
    wrong = "000000" if session.check_in_code != "000000" else "111111"
    for learner, code in (("ada", wrong), ("eve", session.check_in_code)):
        refused(lambda learner=learner, code=code: check_in(school, session, learner, code))  # type: ignore[misc]
    assert school.seats(session) == []
    check_in(school, session, "ada", session.check_in_code)
    assert [(seat.learner_id, seat.kind) for seat in school.seats(session)] == [("ada", IN_ROOM)]
    (taken,) = school.published(events_pb2.SeatTaken)
    assert (taken.learner_id, taken.kind) == ("ada", IN_ROOM)
    full = refused(lambda: check_in(school, session, "bob", session.check_in_code))
    assert full[0] is PRECONDITION
    assert school.get(session).in_room == 1


def test_the_last_free_seat_is_taken_once(school: School) -> None:
    """Ten learners without a seat check in at once: as many get in as there are seats."""
    learners = [f"l{number}" for number in range(10)]
    school.enrol(*learners)
    session = school.live(school.room(capacity=3))

    def enter(learner: str) -> bool:
        request = sessions_pb2.CheckInRequest(
            session_id=session.id, learner_id=learner, code=session.check_in_code
        )
        try:
            school.api.CheckIn(request, None)
        except FailedPrecondition:
            return False
        return True

    assert race(enter, learners).count(True) == 3
    assert school.get(session).in_room == len(school.seats(session)) == 3


def test_a_check_in_holds_since_the_first(school: School) -> None:
    """A repeat answers since when; after leaving in person it begins anew."""
    school.enrol("ada")
    session = school.live(school.room(), "ada")
    first = check_in(school, session, "ada", session.check_in_code).checked_in_at
    assert first == school.at()
    school.clock.forward(seconds=30)
    code = school.get(session).check_in_code
    assert code != session.check_in_code
    assert check_in(school, session, "ada", session.check_in_code).checked_in_at == first
    left = sessions_pb2.PresenceMark(learner_id="ada", kind=LEFT, at=school.at(5))
    school.meetings.RecordPresence(
        sessions_pb2.RecordPresenceRequest(session_id=session.id, marks=[left])
    )
    school.clock.forward(minutes=9)
    again = check_in(school, session, "ada", school.get(session).check_in_code)
    assert again.checked_in_at == school.at()


def test_a_check_in_wants_a_seat_in_the_room_and_the_code(school: School) -> None:
    """Otherwise it is refused; an old or wrong code is a violation of that field."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room())
    school.choose(session, "ada", IN_ROOM)
    school.choose(session, "bob", ONLINE)
    assert refused(lambda: check_in(school, session, "ada", "123456"))[0] is PRECONDITION
    school.clock.forward(hours=4)
    session = school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    code, text = refused(lambda: check_in(school, session, "bob", session.check_in_code))
    assert code is PRECONDITION
    assert "ChooseSeat" in text
    school.clock.forward(minutes=2)
    code, text = refused(lambda: check_in(school, session, "ada", session.check_in_code))
    assert code is INVALID
    assert "9 tries are left" in text


def test_guessing_ends_after_ten_tries_however_they_race(school: School) -> None:
    """Thirty guesses at once count ten; then the right code is refused too, for this learner."""
    school.enrol("ada", "bob")
    session = school.live(school.room(), "ada", "bob")
    right = session.check_in_code
    wrong = [f"{number:06d}" for number in range(31) if f"{number:06d}" != right][:30]

    def guess(code: str) -> type[Exception]:
        request = sessions_pb2.CheckInRequest(session_id=session.id, learner_id="ada", code=code)
        try:
            school.api.CheckIn(request, None)
        except (Invalid, FailedPrecondition) as refusal:
            return type(refusal)
        raise AssertionError("a wrong code was taken")

    answers = race(guess, wrong)
    assert answers.count(Invalid) == 10
    assert refused(lambda: check_in(school, session, "ada", right))[0] is PRECONDITION
    check_in(school, session, "bob", right)
