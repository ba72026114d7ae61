"""Groups of a run: sessions of one activity are alternatives, and attending one is enough."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import events_pb2, progress_pb2, resources_pb2

from services.progress.timers import miss
from tests.deep import deep, orders
from tests.integration.progress.classroom import (
    ABSENT,
    CAUGHT_UP,
    DAY,
    FILM,
    HOUR,
    PRESENT,
    RUN,
    Classroom,
    Stub,
    after,
    amended,
    available,
    ended,
    enrolled,
    finalised,
    lecture,
    opened,
    path,
    recorded,
    refused,
    scheduled,
    task,
)

A, B = "group-a", "group-b"
FILMS = {A: FILM, B: "film-b"}
DENIED = grpc.StatusCode.PERMISSION_DENIED
ASSIGNED = resources_pb2.CATCH_UP_STATE_ASSIGNED
COMPLETED = resources_pb2.CATCH_UP_STATE_COMPLETED


def member(learner: str, *groups: str) -> catalog.GroupMemberChanged:
    """The event that a learner is in some groups."""
    return catalog.GroupMemberChanged(
        enrolment_id=f"e-{learner}", run_id=RUN, learner_id=learner, group_ids=groups
    )


def held(classroom: Classroom, group: str, hours_ago: float = 0, **verdicts: Any) -> None:
    """A group's class of an hour ended, with its attendance and its recording."""
    at, session_id = classroom.clock.now() - timedelta(hours=hours_ago), f"class-{group}"
    classroom.hear(
        "plans",
        scheduled(at - HOUR, session_id=session_id, group_ids=[group]),
        ended(at, session_id),
    )
    film = recorded(FILMS[group])
    film.session_id = session_id
    classroom.hear("attendance", finalised(at, verdicts, session_id=session_id), film)
    classroom.settle()


@pytest.fixture
def tutorials(classroom: Classroom) -> Classroom:
    """One activity that each of two groups has a session of; ada is in A, bob in B."""
    classroom.hear("plans", opened(), path(lecture(), task(deadline=after("lecture", 24))))
    classroom.hear("attendance", *(available(each, 3600) for each in FILMS.values()))
    for learner, group in (("ada", A), ("bob", B)):
        classroom.hear("plans", enrolled(learner, classroom.clock.now()), member(learner, group))
    classroom.settle()
    return classroom


def test_an_absence_asks_for_the_own_groups_recording(tutorials: Classroom) -> None:
    """The other group's class asks nothing of a learner who has nothing to do with it."""
    held(tutorials, A, ada=ABSENT)
    held(tutorials, B, bob=PRESENT)
    assert list(tutorials.catch_up("ada").item_ids) == [FILM]
    assert tutorials.catch_ups("bob") == []
    assert tutorials.states("bob")["lecture"] == "COMPLETED"


def test_attending_the_other_groups_class_is_enough(tutorials: Classroom) -> None:
    """Who was absent from the own class and goes to the alternative has nothing to catch up."""
    held(tutorials, A, ada=ABSENT)
    assert tutorials.catch_up("ada").state == ASSIGNED
    tutorials.clock.forward(days=1)
    held(tutorials, B, ada=PRESENT, bob=PRESENT)
    assert tutorials.catch_ups("ada") == []
    (event,) = tutorials.published(events_pb2.CatchUpWithdrawn)
    assert event.session_id == f"class-{A}"
    assert tutorials.states("ada")["lecture"] == "COMPLETED"
    tutorials.clock.forward(days=10)
    miss(tutorials.database)
    assert tutorials.published(events_pb2.CatchUpMissed) == []


def test_who_misses_two_alternatives_catches_up_on_one(tutorials: Classroom) -> None:
    """On the first that ended; once it is studied, the other still asks nothing."""
    tutorials.hear("plans", member("ada", A, B))
    held(tutorials, A, ada=ABSENT)
    tutorials.clock.forward(days=1)
    held(tutorials, B, ada=ABSENT)
    assert [each.session_id for each in tutorials.catch_ups("ada")] == [f"class-{A}"]
    tutorials.record(tutorials.watched("ada", "0[.]3600"))
    tutorials.settle()
    tutorials.hear("attendance", finalised_again(CAUGHT_UP))
    tutorials.settle()
    (only,) = tutorials.catch_ups("ada")
    assert (only.session_id, only.state) == (f"class-{A}", COMPLETED)


def finalised_again(verdict: Any) -> Message:
    """Ada's attendance in group A's class was amended."""
    told = amended("ada", verdict)
    told.session_id = f"class-{A}"
    return told


@deep
@pytest.mark.parametrize("order", orders(4))
def test_alternatives_end_the_same_in_any_order(
    tutorials: Classroom, order: tuple[int, ...]
) -> None:
    """Absent from both, in both groups, the films of both: one catch-up, on the first."""
    now, told = tutorials.clock.now(), list[tuple[str, Message]]()
    tutorials.hear("plans", member("ada", A, B))
    for place, group in enumerate((A, B)):
        session_id, at = f"class-{group}", now + place * HOUR
        plan = scheduled(at - HOUR, session_id=session_id, group_ids=[group])
        tutorials.hear("plans", plan, ended(at, session_id))
        film = recorded(FILMS[group])
        film.session_id = session_id
        absence = finalised(at, {"ada": ABSENT}, session_id=session_id)
        told += [("attendance", film), ("attendance", absence)]
    for place in order:
        tutorials.hear(*told[place])
        tutorials.settle()
    assert [each.session_id for each in tutorials.catch_ups("ada")] == [f"class-{A}"]
    assert tutorials.summary().open_catch_ups == 1


def test_a_late_joiner_catches_up_on_the_own_groups_classes(tutorials: Classroom) -> None:
    """As soon as the group is known; in another group it is the other group's; what was attended
    and caught up on before stays.
    """
    late = catalog_resources.LATE_CATCH_UPS_ALL
    tutorials.hear("plans", opened(late_catch_ups=late))
    held(tutorials, A, ada=PRESENT)
    held(tutorials, B, bob=PRESENT)
    tutorials.clock.forward(days=1)
    tutorials.hear("plans", enrolled("eve", tutorials.clock.now()))
    tutorials.settle()
    assert tutorials.catch_ups("eve") == []
    for group in (A, B):
        tutorials.hear("plans", member("eve", group))
        tutorials.settle()
        assert [each.session_id for each in tutorials.catch_ups("eve")] == [f"class-{group}"]
    tutorials.hear("plans", member("ada", B))
    tutorials.settle()
    assert tutorials.catch_ups("ada") == []
    assert tutorials.states("ada")["lecture"] == "COMPLETED"


def test_dues_count_from_the_own_groups_class(tutorials: Classroom) -> None:
    """Also after a change of group; of who is in no group from the last class of all."""
    now = tutorials.clock.now()
    for days, group in ((1, A), (3, B)):
        start = now + days * DAY
        tutorials.hear("plans", scheduled(start, session_id=f"class-{group}", group_ids=[group]))
    tutorials.hear("plans", enrolled("cyd", now))
    tutorials.settle()
    assert tutorials.due("ada", "essay") == now + 2 * DAY + HOUR
    assert tutorials.due("bob", "essay") == now + 4 * DAY + HOUR
    assert tutorials.due("cyd", "essay") == now + 4 * DAY + HOUR
    tutorials.hear("plans", member("cyd", A))
    assert tutorials.due("cyd", "essay") == now + 2 * DAY + HOUR


def test_a_timeline_has_the_own_groups_classes(tutorials: Classroom) -> None:
    """And those of other groups that the learner came to."""
    held(tutorials, B, ada=PRESENT, bob=PRESENT)
    start = tutorials.clock.now() + DAY
    for group in (A, B):
        tutorials.hear("plans", scheduled(start, session_id=f"next-{group}", group_ids=[group]))
    tutorials.hear("plans", scheduled(start, session_id="lecture", group_ids=[]))

    def classes(learner: str) -> list[str]:
        request = progress_pb2.GetTimelineRequest(learner_id=learner)
        request.from_time.FromDatetime(start - 2 * DAY)
        request.until_time.FromDatetime(start + DAY)
        entries = tutorials.learner(learner).GetTimeline(request).entries
        return sorted(each.session_id for each in entries if each.session_id)

    assert classes("ada") == [f"class-{B}", "lecture", f"next-{A}"]
    assert classes("bob") == [f"class-{B}", "lecture", f"next-{B}"]


def test_a_tutor_reaches_the_own_group_only(tutorials: Classroom) -> None:
    """The run at a glance is the group's; of other learners nothing is read or decided."""
    staff = catalog_resources.StaffMember(
        person_id="lise", role=options_pb2.STAFF_ROLE_TEACHER, group_ids=[A]
    )
    facts = catalog.RunFacts(run_id=RUN, staff=[staff], policy=opened().policy, zone="UTC")
    tutorials.hear("plans", catalog.RunStaffChanged(run_id=RUN, run=facts))
    held(tutorials, A, ada=ABSENT)
    held(tutorials, B, bob=ABSENT)
    lise = Stub(tutorials.channel_for("lise"))
    found = lise.ListRunProgress(progress_pb2.ListRunProgressRequest(run_id=RUN))
    assert [row.learner_id for row in found.learners] == ["ada"]
    assert (found.summary.learners, found.summary.open_catch_ups) == (1, 1)
    assert (tutorials.summary().learners, tutorials.summary().open_catch_ups) == (2, 2)
    for request in (
        progress_pb2.ListCatchUpsRequest(run_id=RUN),
        progress_pb2.ListCatchUpsRequest(learner_id="ada"),
    ):
        rows = lise.ListCatchUps(request).catch_ups
        assert [row.learner_id for row in rows] == ["ada"]
    assert not lise.ListCatchUps(progress_pb2.ListCatchUpsRequest(learner_id="bob")).catch_ups
    of_bob = tutorials.catch_up("bob").id
    denied: list[Any] = [
        lambda: lise.GetProgress(progress_pb2.GetProgressRequest(run_id=RUN, learner_id="bob")),
        lambda: lise.WaiveCatchUp(
            progress_pb2.WaiveCatchUpRequest(catch_up_id=of_bob, reason="ill")
        ),
    ]
    for call in denied:
        assert refused(call)[0] is DENIED
    own = tutorials.catch_up("ada").id
    lise.WaiveCatchUp(progress_pb2.WaiveCatchUpRequest(catch_up_id=own, reason="ill"))

    def timeline(learner: str) -> int:
        request = progress_pb2.GetTimelineRequest(learner_id=learner)
        request.from_time.FromDatetime(tutorials.clock.now() - DAY)
        request.until_time.FromDatetime(tutorials.clock.now() + DAY)
        return len(lise.GetTimeline(request).entries)

    assert (timeline("ada") > 0, timeline("bob")) == (True, 0)
