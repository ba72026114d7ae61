"""Swaps of seats through the real edge and MongoDB: who matches, and what ends a request."""

from collections import Counter
from typing import Any, TypeAlias

import grpc
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from tests.integration.sessions.school import RUN, School, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
NOT_FOUND = grpc.StatusCode.NOT_FOUND
NONE, IN_ROOM, ONLINE, WAITLISTED = (
    types_pb2.SEAT_KIND_UNSPECIFIED,
    types_pb2.SEAT_KIND_IN_ROOM,
    types_pb2.SEAT_KIND_ONLINE,
    types_pb2.SEAT_KIND_WAITLISTED,
)
OPEN, MATCHED, WITHDRAWN, LAPSED = (
    resources_pb2.SWAP_STATE_OPEN,
    resources_pb2.SWAP_STATE_MATCHED,
    resources_pb2.SWAP_STATE_WITHDRAWN,
    resources_pb2.SWAP_STATE_LAPSED,
)
LEARNERS = ("ada", "bob", "cyd", "dan")
Session = resources_pb2.Session
Kind: TypeAlias = "types_pb2.SeatKind.ValueType"


def full(school: School, name: str = "Aula", places: int = 1, **changes: Any) -> Session:
    """A class in four hours with some seats in the room and as many online."""
    return school.schedule(school.room(name, places), online_seats=places, **changes)


def pair(school: School, name: str = "", **changes: Any) -> tuple[Session, Session]:
    """Two classes for the same activity, full: ada and bob are in the rooms, and cyd and dan
    online.
    """
    school.enrol(*LEARNERS)
    one = full(school, f"Aula{name}", **changes)
    other = full(school, f"Lab{name}", instructor_id="bohr", **changes)
    for session, in_room, online in ((one, "ada", "cyd"), (other, "bob", "dan")):
        school.choose(session, in_room, IN_ROOM)
        school.choose(session, online, ONLINE)
    return one, other


def wish(
    session: Session, learner: str, kind: Kind, wanted: Session | None = None, **more: Any
) -> sessions_pb2.RequestSwapRequest:
    """A learner's request for a seat in another session (None: the same)."""
    return sessions_pb2.RequestSwapRequest(
        session_id=session.id,
        learner_id=learner,
        wanted_kind=kind,
        wanted_session_id=wanted.id if wanted else "",
        **more,
    )


def ask(
    school: School, session: Session, learner: str, kind: Kind, wanted: Session | None = None
) -> resources_pb2.Swap:
    """What a learner is answered who asks for a swap."""
    return school.learner(learner).RequestSwap(wish(session, learner, kind, wanted))


def own(school: School, learner: str) -> list[resources_pb2.Swap]:
    """A learner's requests."""
    request = sessions_pb2.ListSwapsRequest(learner_id=learner)
    return list(school.learner(learner).ListSwaps(request).swaps)


def state(school: School, learner: str) -> int:
    """The state of a learner's only request."""
    [swap] = own(school, learner)
    return swap.state


def held(school: School, *sessions: Session) -> dict[str, tuple[int, int]]:
    """What each learner has: the number of the session among these, and the seat."""
    found = [
        (seat.learner_id, (number, seat.kind))
        for number, session in enumerate(sessions)
        for seat in school.seats(session)
    ]
    assert len(found) == len(dict(found)), "someone has two seats"
    return dict(found)


def counts(school: School, session: Session) -> tuple[int, int, int]:
    """A session's counters, which are as its seats say."""
    now, kinds = school.get(session), Counter[int]()
    for seat in school.seats(session):
        kinds.update([seat.kind, seat.holds])
    found = (now.in_room, now.online, now.waitlisted)
    assert found == (kinds[IN_ROOM], kinds[ONLINE], kinds[WAITLISTED])
    return found


def test_the_second_request_makes_the_swap(school: School) -> None:
    """In either order; each learner's seat and the swap are told to that learner alone."""
    session, _ = pair(school)
    first, second = ask(school, session, "ada", ONLINE), ask(school, session, "cyd", IN_ROOM)
    assert (first.state, second.state) == (OPEN, MATCHED)
    assert (first.requested_at, first.expires_at) == (school.at(), school.at(180))
    assert (second.ended_at, second.wanted_session_id) == (school.at(), session.id)
    assert held(school, session) == {"ada": (0, ONLINE), "cyd": (0, IN_ROOM)}
    assert counts(school, session) == (1, 1, 0)
    told = school.published(events_pb2.SeatTaken)[-2:]
    assert {(each.learner_id, each.kind, each.from_kind) for each in told} == {
        ("ada", ONLINE, IN_ROOM),
        ("cyd", IN_ROOM, ONLINE),
    }
    swapped = {each.learner_id: each for each in school.published(events_pb2.SeatSwapped)}
    assert {one: (each.kind, each.from_kind) for one, each in swapped.items()} == {
        "ada": (ONLINE, IN_ROOM),
        "cyd": (IN_ROOM, ONLINE),
    }
    assert (swapped["ada"].title, swapped["ada"].start_time) == ("Motion", session.start_time)
    assert state(school, "ada") == MATCHED
    for learner, kind, expected in (("ada", IN_ROOM, OPEN), ("cyd", ONLINE, MATCHED)):
        assert ask(school, session, learner, kind).state == expected
    assert held(school, session) == {"ada": (0, IN_ROOM), "cyd": (0, ONLINE)}


def test_learners_of_two_classes_swap(school: School) -> None:
    """Each gives the seat in one class for any kind of seat in the other, and has no other."""
    one, other = pair(school)
    assert ask(school, one, "ada", ONLINE, other).state == OPEN
    assert ask(school, other, "dan", IN_ROOM, one).state == MATCHED
    assert held(school, one, other) == {
        "dan": (0, IN_ROOM),
        "cyd": (0, ONLINE),
        "bob": (1, IN_ROOM),
        "ada": (1, ONLINE),
    }
    assert counts(school, one) == counts(school, other) == (1, 1, 0)
    told = {
        (each.session_id, each.learner_id): each.kind
        for each in school.published(events_pb2.SeatTaken)
    }
    assert told == {
        (one.id, "ada"): NONE,
        (one.id, "dan"): IN_ROOM,
        (one.id, "cyd"): ONLINE,
        (other.id, "dan"): NONE,
        (other.id, "ada"): ONLINE,
        (other.id, "bob"): IN_ROOM,
    }
    [swapped] = [each for each in school.published(events_pb2.SeatSwapped) if each.kind == ONLINE]
    assert (swapped.learner_id, swapped.session_id, swapped.from_session_id) == (
        "ada",
        other.id,
        one.id,
    )


def test_the_oldest_opposite_request_matches(school: School) -> None:
    """Of two that want the same; a request that fits in part only does not match."""
    school.enrol(*LEARNERS)
    one, other = full(school), full(school, "Lab", 2, instructor_id="bohr")
    for learner, session in (("ada", one), ("bob", other), ("cyd", other)):
        school.choose(session, learner, IN_ROOM)
    school.choose(other, "dan", ONLINE)
    for learner in ("dan", "cyd", "bob"):
        assert ask(school, other, learner, IN_ROOM, one).state == OPEN
        school.clock.forward(seconds=1)
    assert ask(school, one, "ada", IN_ROOM, other).state == MATCHED
    assert held(school, one, other)["cyd"] == (0, IN_ROOM)
    assert [state(school, each) for each in ("dan", "cyd", "bob")] == [OPEN, MATCHED, OPEN]


def test_waiting_lists_stay(school: School) -> None:
    """A swap moves nobody on the list, asks nobody again, and promotes nobody; a learner who waits
    with a seat online may swap it and leaves the list.
    """
    session, _ = pair(school)
    school.enrol("eve", "fay", "gil")
    for learner in ("eve", "cyd", "fay", "gil"):
        school.choose(session, learner, IN_ROOM)
    freed = school.database.mongo["sessions"].find_one({"_id": session.id})
    ask(school, session, "ada", ONLINE)
    assert ask(school, session, "cyd", IN_ROOM).state == MATCHED
    line = [each.learner_id for each in school.seats(session) if each.kind == WAITLISTED]
    assert line == ["eve", "fay", "gil"]
    assert counts(school, session) == (1, 1, 3)
    assert school.published(events_pb2.SeatPromoted) == []
    now = school.database.mongo["sessions"].find_one({"_id": session.id})
    assert freed is not None
    assert now is not None
    assert freed["freed"] == now["freed"]


def test_what_is_free_is_chosen(school: School) -> None:
    """Nobody has to give a seat that ChooseSeat gives at once; the refusal says so."""
    school.enrol("ada", "bob")
    session = school.schedule(school.room(capacity=1))
    school.choose(session, "ada", IN_ROOM)
    school.choose(session, "bob", ONLINE)
    code, text = refused(lambda: ask(school, session, "ada", ONLINE))
    assert (code, "ChooseSeat, which gives it at once" in text) == (PRECONDITION, True)
    assert ask(school, session, "bob", IN_ROOM).state == OPEN


def test_all_that_speaks_against_a_swap_is_told(school: School) -> None:
    """No seat to give, another activity, a seat there already, the same seat: all at once; a
    session of another run is unknown.
    """
    one, other = pair(school)
    extra = full(school, "Attic", activity_id="", starts=types_pb2.CivilTime(
        local="2026-03-02T15:00:00", zone="Europe/Dublin"))  # fmt: skip
    code, text = refused(lambda: ask(school, one, "zed", IN_ROOM, extra))
    assert code is PRECONDITION
    for fault in ("is not enrolled", "has no seat in the session", "holds another activity"):
        assert text.count(fault) == 1
    assert "has a seat IN_ROOM" in refused(lambda: ask(school, one, "ada", IN_ROOM))[1]
    school.choose(other, "bob", NONE)
    school.choose(other, "ada", IN_ROOM)
    assert "has a seat there" in refused(lambda: ask(school, one, "ada", ONLINE, other))[1]
    code, _ = refused(lambda: ask(school, one, "ada", WAITLISTED))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    school.open_run("other")
    foreign = full(school, "Barn", run_id="other", starts=types_pb2.CivilTime(
        local="2026-03-02T18:00:00", zone="Europe/Dublin"))  # fmt: skip
    for unknown in (foreign, Session(id="nowhere")):
        code, text = refused(lambda u=unknown: ask(school, one, "ada", ONLINE, u))  # type: ignore[misc]
        assert (code, "wanted_session_id" in text) == (NOT_FOUND, True)


def regroup(school: School, learner: str, *groups: str) -> None:
    """A learner is in these groups from now."""
    changed = catalog.GroupMemberChanged(
        enrolment_id=f"e-{learner}", run_id=RUN, learner_id=learner, group_ids=groups
    )
    school.hear("rosters", changed)


def test_only_who_may_have_the_seat_gets_it(school: School) -> None:
    """A class of another group is refused. A learner who comes into the group may swap; of one who
    has left the wanted class's group the request has lapsed, and the seat stays.
    """
    school.enrol(*LEARNERS)
    for group in ("g", "h"):
        school.hear("rosters", catalog.GroupChanged(group_id=group, run_id=RUN, name=group))
    for learner, groups in (("ada", ["g", "h"]), ("bob", ["g", "h"]), ("cyd", ["h"])):
        regroup(school, learner, *groups)
    one = full(school, places=2, group_ids=["g"])
    other = full(school, "Lab", instructor_id="bohr", group_ids=["h"])
    for learner, session in (("ada", one), ("bob", one), ("cyd", other)):
        school.choose(session, learner, IN_ROOM)
    for learner in ("ada", "bob"):
        assert ask(school, one, learner, IN_ROOM, other).state == OPEN
        school.clock.forward(seconds=1)
    code, text = refused(lambda: ask(school, other, "cyd", IN_ROOM, one))
    assert (code, "in none of the session's groups" in text) == (PRECONDITION, True)
    regroup(school, "cyd", "g", "h")
    regroup(school, "ada", "g")
    assert state(school, "ada") == LAPSED
    assert ask(school, other, "cyd", IN_ROOM, one).state == MATCHED
    assert held(school, one, other) == {
        "ada": (0, IN_ROOM),
        "cyd": (0, IN_ROOM),
        "bob": (1, IN_ROOM),
    }
