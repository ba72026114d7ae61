"""Who may be in a class's channel, and why streams end."""

import time
from datetime import timedelta

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import live_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.live import channel
from tests.integration.processes import eventually
from tests.integration.sessions.live.replicas import LiveSchool, Member, Replica, Request

Reason = live_pb2.EndReason


@pytest.fixture
def replica(live: LiveSchool) -> Replica:
    """One replica."""
    return live.replica()


def ended(member: Member) -> live_pb2.Ended:
    """Return what a member is told at the end."""
    member.wait_over()
    found: live_pb2.Ended
    [found] = member.all("ended")
    return found


def refusal(member: Member) -> grpc.StatusCode:
    """Return the status of a stream that was not let in."""
    error = member.wait_over()
    assert error is not None
    assert not member.received
    code: grpc.StatusCode = error.code()
    return code


def test_strangers_are_refused(live: LiveSchool, replica: Replica) -> None:
    """Nobody without a token, and nobody who is neither learner nor staff of the run, gets in."""
    nobody = Member(replica.port, "", live.session_id)
    assert refusal(nobody) is grpc.StatusCode.UNAUTHENTICATED
    for roles in (("learner",), ("instructor",), ("registrar",), ("service",)):
        stranger = live.member(replica, "eve", *roles)
        assert refusal(stranger) is grpc.StatusCode.PERMISSION_DENIED


def test_learners_of_other_groups_are_refused(live: LiveSchool, replica: Replica) -> None:
    """A class for a group is for its learners, for staff and for who holds it."""
    live.school.hear(
        "rosters",
        catalog.GroupChanged(group_id="g-a", run_id="run-1", name="A"),
        catalog.GroupMemberChanged(
            enrolment_id="e-ada", run_id="run-1", learner_id="ada", group_ids=["g-a"]
        ),
    )
    room = live.school.room("Seminar")
    tutorial = live.school.live(
        room,
        activity_id="tutorial",
        group_ids=["g-a"],
        instructor_id="bohr",
        starts=types_pb2.CivilTime(local="2026-03-02T16:00:00", zone="Europe/Dublin"),
    )
    for let_in in (("ada", "learner"), ("curie", "instructor"), ("bohr", "instructor")):
        live.member(replica, *let_in, session_id=tutorial.id).joined()
    other = live.member(replica, "bea", session_id=tutorial.id)
    assert refusal(other) is grpc.StatusCode.PERMISSION_DENIED


def test_unknown_and_closed_classes(live: LiveSchool, replica: Replica) -> None:
    """There is no channel for a class that is unknown, is far away, or has ended."""
    unknown = live.member(replica, "ada", session_id="none")
    assert refusal(unknown) is grpc.StatusCode.NOT_FOUND
    later = live.school.schedule(live.school.room("Lab"), starts=_tomorrow())
    early = live.member(replica, "ada", session_id=later.id)
    assert refusal(early) is grpc.StatusCode.FAILED_PRECONDITION
    live.school.staff.EndSession(sessions_pb2.EndSessionRequest(session_id=live.session_id))
    late = live.member(replica, "ada")
    assert refusal(late) is grpc.StatusCode.FAILED_PRECONDITION


def test_the_class_ends(live: LiveSchool, replica: Replica) -> None:
    """When the class ends, members get what was written before, and are told that it is over."""
    ada, bea = (live.member(replica, each).joined() for each in ("ada", "bea"))
    ada.chat("Goodbye")
    ada.wait(lambda it: it.all("done"))
    live.school.staff.EndSession(sessions_pb2.EndSessionRequest(session_id=live.session_id))
    for member in (ada, bea):
        assert ended(member) == live_pb2.Ended(reason=Reason.END_REASON_CLASS_OVER, after=1)
        assert member.texts() == ["Goodbye"]


def test_a_replica_stops(live: LiveSchool) -> None:
    """A replica that stops tells its members after which entry to go on with another one."""
    first, second = live.replica(), live.replica()
    ada = live.member(first, "ada").joined()
    ada.chat("Still here?")
    ada.wait(lambda it: it.texts())
    first.stop()
    told = ended(ada)
    assert told == live_pb2.Ended(reason=Reason.END_REASON_STOPPING, after=1)
    back = live.member(second, "ada", after=told.after).joined()
    back.chat("Yes")
    back.wait(lambda it: it.texts() == ["Yes"])


def test_a_token_expires(live: LiveSchool, replica: Replica) -> None:
    """A stream ends when its token has expired."""
    ada = live.member(replica, "ada").joined()
    in_two_hours = time.time() + timedelta(hours=2).total_seconds()
    replica.do(lambda: replica.live.channel.see_time(in_two_hours))
    assert ended(ada).reason == Reason.END_REASON_EXPIRED


def test_a_learner_withdraws(live: LiveSchool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who loses the place in the run loses the stream; the others stay."""
    monkeypatch.setattr(channel, "RECHECK", 0.1)
    replica = live.replica()
    ada, bea = (live.member(replica, each).joined() for each in ("ada", "bea"))
    live.school.hear(
        "rosters",
        catalog.EnrolmentWithdrawn(enrolment_id="e-ada", run_id="run-1", learner_id="ada"),
    )
    assert ended(ada).reason == Reason.END_REASON_NOT_ALLOWED
    bea.chat("Who else?")
    bea.wait(lambda it: it.texts())


def test_one_class_that_fails_stops_no_other(
    live: LiveSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights are looked at in each class, also when those of another can't be."""
    monkeypatch.setattr(channel, "RECHECK", 0.1)
    lab = live.school.live(live.school.room("Lab"), starts=_afternoon())
    replica = live.replica()
    live.member(replica, "bea", session_id=lab.id).joined()
    ada = live.member(replica, "ada").joined()
    live.school.database.mongo["sessions"].delete_one({"_id": lab.id})
    live.school.hear(
        "rosters",
        catalog.EnrolmentWithdrawn(enrolment_id="e-ada", run_id="run-1", learner_id="ada"),
    )
    assert ended(ada).reason == Reason.END_REASON_NOT_ALLOWED


def test_a_person_has_eight_streams(live: LiveSchool, replica: Replica) -> None:
    """The ninth stream of a person is refused; a place that comes free is taken."""
    members = [live.member(replica, "ada").joined() for _ in range(8)]
    assert refusal(live.member(replica, "ada")) is grpc.StatusCode.RESOURCE_EXHAUSTED
    live.member(replica, "bea").joined()
    members[0].leave()
    members[0].wait_over()
    eventually(lambda: replica.live.channel.streams == 8, "the stream is gone")
    live.member(replica, "ada").joined()


def test_a_replica_is_full(live: LiveSchool) -> None:
    """A replica takes as many members as the setting allows."""
    small = live.replica(live_members=1)
    live.member(small, "ada").joined()
    assert refusal(live.member(small, "bea")) is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "frame",
    [
        Request(),
        Request(ping=live_pb2.Ping()),
        Request(send_chat=live_pb2.SendChatRequest(text="hi")),
        Request(join=live_pb2.JoinRequest()),
        Request(join=live_pb2.JoinRequest(session_id="s", after=-1)),
    ],
)
def test_join_comes_first(live: LiveSchool, replica: Replica, frame: Request) -> None:
    """Whatever is no valid `join` as the first message is refused as INVALID_ARGUMENT."""
    member = RawMember(replica.port, live.token("ada"), frame)
    assert refusal(member) is grpc.StatusCode.INVALID_ARGUMENT


class RawMember(Member):
    """A member whose first message is another."""

    def __init__(self, port: int, token: str, first: Request) -> None:
        self._first: Request | None = first
        super().__init__(port, token, "")

    def send(self, request: Request) -> None:
        """Send the first message in place of `join`."""
        first, self._first = self._first, None
        super().send(request if first is None else first)


def _afternoon() -> types_pb2.CivilTime:
    return types_pb2.CivilTime(local="2026-03-02T16:00:00", zone="Europe/Dublin")


def _tomorrow() -> types_pb2.CivilTime:
    return types_pb2.CivilTime(local="2026-03-04T12:00:00", zone="Europe/Dublin")
