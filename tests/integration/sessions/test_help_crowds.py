"""Many learners who are invited to help sessions at once, and rounds that are killed."""

from collections import Counter
from typing import Any

import pytest
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.testing import figure
from services.sessions.timers_help import invite_to_help
from services.sessions.usecases import help_invitations
from tests.deep import only_deep
from tests.integration.processes import eventually
from tests.integration.sessions.help_desk import CLASSROOM, IN_ROOM, desk, fell, states, told
from tests.integration.sessions.school import School, race, worker
from tests.mongo import end_leases, end_transactions


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
