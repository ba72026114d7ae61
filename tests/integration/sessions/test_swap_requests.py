"""Requests for swaps: what ends them, and who sees them."""

from collections import Counter
from collections.abc import Callable, Sequence

import grpc
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from tests.integration.sessions.school import RUN, School, race, refused
from tests.integration.sessions.test_swaps import (
    IN_ROOM,
    LAPSED,
    LEARNERS,
    MATCHED,
    NONE,
    NOT_FOUND,
    ONLINE,
    OPEN,
    PRECONDITION,
    WITHDRAWN,
    Session,
    ask,
    counts,
    full,
    held,
    own,
    pair,
    state,
    wish,
)

DENIED = grpc.StatusCode.PERMISSION_DENIED


def withdraw(school: School, session: Session, learner: str) -> resources_pb2.Swap:
    """What a learner is answered who withdraws a request."""
    request = sessions_pb2.WithdrawSwapRequest(session_id=session.id, learner_id=learner)
    return school.learner(learner).WithdrawSwap(request)


def choose_anew(school: School, session: Session) -> None:
    """The learner gives the seat up and takes one again."""
    school.choose(session, "ada", NONE)
    school.choose(session, "ada", IN_ROOM)


def leave(school: School, _: Session) -> None:
    """The learner leaves the run."""
    school.hear("rosters", catalog.EnrolmentWithdrawn(run_id=RUN, learner_id="ada"))


def cancel(school: School, session: Session) -> None:
    """The class is cancelled."""
    school.staff.CancelSession(
        sessions_pb2.CancelSessionRequest(session_id=session.id, reason="ill")
    )


def start(school: School, session: Session) -> None:
    """The class begins, before its time."""
    school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))


def move(school: School, session: Session) -> None:
    """The class moves to another day."""
    starts = types_pb2.CivilTime(local="2026-03-20T12:00:00", zone="Europe/Dublin")
    school.staff.MoveSession(sessions_pb2.MoveSessionRequest(session_id=session.id, starts=starts))


def wait(school: School, _: Session) -> None:
    """The cut-off passes."""
    school.clock.forward(hours=3, seconds=1)


def close(school: School, _: Session) -> None:
    """The run closes."""
    facts = catalog.RunFacts(run_id=RUN, zone="UTC", end_date="2099-12-31", closed_at=school.at())
    school.hear("rosters", catalog.RunClosed(run_id=RUN, run=facts))


def test_what_ends_requests(school: School) -> None:
    """A request lapses by what becomes of its seat, of either class, of the learner and of the run.
    Nobody is given a seat by it any more, and staff see no open one.
    """
    changes: dict[Callable[[School, Session], None], Sequence[int]] = {
        wait: (LAPSED, LAPSED),
        choose_anew: (LAPSED, OPEN),
        cancel: (LAPSED, LAPSED),
        start: (LAPSED, LAPSED),
        move: (LAPSED, LAPSED),
        leave: (LAPSED, OPEN),
        close: (LAPSED, LAPSED),
    }
    for day, (change, expected) in enumerate(changes.items(), 2):
        at = types_pb2.CivilTime(local=f"2026-03-{day:02d}T12:00:00", zone="Europe/Dublin")
        one, other = pair(school, f" {day}", starts=at)
        ask(school, one, "ada", IN_ROOM, other)
        ask(school, other, "dan", ONLINE, one)
        change(school, one)
        listed = {each.learner_id: each for each in (*own(school, "ada"), *own(school, "dan"))
                  if one.id in (each.session_id, each.wanted_session_id)}  # fmt: skip
        assert (listed["ada"].state, listed["dan"].state) == expected, change
        before = held(school, one, other)
        if change in (choose_anew, move):
            assert ask(school, other, "bob", IN_ROOM, one).state == OPEN
        else:
            code, _ = refused(lambda: ask(school, other, "bob", IN_ROOM, one))  # noqa: B023
            assert code is PRECONDITION
        assert held(school, one, other) == before
    listed_by_staff = school.staff.ListSwaps(sessions_pb2.ListSwapsRequest(run_id=RUN)).swaps
    assert list(listed_by_staff) == []


def test_a_request_that_has_lapsed_hinders_no_other(school: School) -> None:
    """The next opposite request matches, and the learner may ask anew, also for something else."""
    session = full(school, places=2)
    school.enrol(*LEARNERS)
    for learner, kind in (("ada", IN_ROOM), ("bob", IN_ROOM), ("cyd", ONLINE), ("dan", ONLINE)):
        school.choose(session, learner, kind)
    ask(school, session, "ada", ONLINE)
    school.clock.forward(seconds=1)
    ask(school, session, "bob", ONLINE)
    choose_anew(school, session)
    assert ask(school, session, "cyd", IN_ROOM).state == MATCHED
    assert held(school, session)["bob"] == (0, ONLINE)
    row = school.database.mongo["swaps"].find_one({"_id": f"{session.id}:ada"})
    assert row is not None
    assert row["state"] == "LAPSED"
    assert ask(school, session, "ada", ONLINE).state == OPEN
    assert ask(school, session, "dan", IN_ROOM).state == MATCHED


def test_a_request_is_withdrawn(school: School) -> None:
    """It can't match any more; a repeat changes nothing; a swap that is made can't be withdrawn."""
    session, _ = pair(school)
    assert refused(lambda: withdraw(school, session, "ada"))[0] is NOT_FOUND
    ask(school, session, "ada", ONLINE)
    gone = withdraw(school, session, "ada")
    assert (gone.state, gone.ended_at) == (WITHDRAWN, school.at())
    school.clock.forward(seconds=1)
    assert withdraw(school, session, "ada") == gone
    assert ask(school, session, "cyd", IN_ROOM).state == OPEN
    assert ask(school, session, "ada", ONLINE).state == MATCHED
    assert refused(lambda: withdraw(school, session, "cyd"))[0] is PRECONDITION


def test_a_repeat_keeps_the_request(school: School) -> None:
    """The same wish keeps its age, another one is refused, and a repeated request id answers what
    was answered first.
    """
    one, other = pair(school)
    first = ask(school, one, "ada", ONLINE)
    school.clock.forward(minutes=1)
    assert ask(school, one, "ada", ONLINE) == first
    code, text = refused(lambda: ask(school, one, "ada", IN_ROOM, other))
    assert (code, "WithdrawSwap first" in text) == (PRECONDITION, True)
    request = wish(one, "cyd", IN_ROOM, request_id="once")
    made = school.learner("cyd").RequestSwap(request)
    assert made.state == MATCHED
    assert school.learner("cyd").RequestSwap(request) == made
    assert held(school, one, other)["cyd"] == (0, IN_ROOM)


def test_learners_see_own_requests_only(school: School) -> None:
    """And ask for themselves only; staff see the open ones of their run, page by page."""
    one, other = pair(school)
    ask(school, one, "ada", IN_ROOM, other)
    ask(school, other, "dan", IN_ROOM)
    assert [each.learner_id for each in own(school, "ada")] == ["ada"]
    stub = school.learner("cyd")
    for call in (
        lambda: stub.RequestSwap(wish(one, "ada", ONLINE)),
        lambda: stub.WithdrawSwap(
            sessions_pb2.WithdrawSwapRequest(session_id=one.id, learner_id="ada")
        ),
        lambda: stub.ListSwaps(sessions_pb2.ListSwapsRequest(run_id=RUN)),
        lambda: stub.ListSwaps(sessions_pb2.ListSwapsRequest(learner_id="ada")),
    ):
        assert refused(call)[0] is DENIED
    found, token = list[str](), ""
    while True:
        request = sessions_pb2.ListSwapsRequest(run_id=RUN, page_size=1, page_token=token)
        page = school.staff.ListSwaps(request)
        found += [each.learner_id for each in page.swaps]
        if not (token := page.next_page_token):
            break
    assert sorted(found) == ["ada", "dan"]


def test_requests_at_once(school: School) -> None:
    """Eight learners of two classes ask at once, five for one direction and three for the other:
    three pairs swap, two requests stay open, and each learner has one seat.
    """
    here = [f"here-{number}" for number in range(5)]
    there = [f"there-{number}" for number in range(3)]
    school.enrol(*here, *there)
    one, other = full(school, places=5), full(school, "Lab", 3, instructor_id="bohr")
    for session, learners in ((one, here), (other, there)):
        for learner in learners:
            school.choose(session, learner, IN_ROOM)
    wishes = [wish(one, each, IN_ROOM, other) for each in here]
    wishes += [wish(other, each, IN_ROOM, one) for each in there]
    race(lambda request: school.api.RequestSwap(request, None), wishes)
    seated = held(school, one, other)
    assert len(seated) == 8
    states = {each: state(school, each) for each in (*here, *there)}
    swapped = {each for each, found in states.items() if found == MATCHED}
    assert Counter(states.values()) == {MATCHED: 6, OPEN: 2}
    assert swapped == {each for each in here if seated[each][0] == 1} | {*there}
    assert counts(school, one) == (5, 0, 0)
    assert counts(school, other) == (3, 0, 0)
    told = [each.learner_id for each in school.published(events_pb2.SeatSwapped)]
    assert sorted(told) == sorted(swapped)
