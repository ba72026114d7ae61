"""Attendance is finalised in parts, after the end, whatever happens in between."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.messaging.subscriptions import Wait
from services.sessions.domain.enums import PresenceKind
from services.sessions.domain.finalising import LEARNERS
from services.sessions.domain.presence import PresenceEvent
from services.sessions.store import SessionsStore
from services.sessions.usecases.finalising import finalise_chunk
from services.sessions.worker import finalise_next
from tests.deep import ONLY_DEEP
from tests.integration.sessions.school import RUN, School, race
from tests.mongo import long_transactions

JOINED, LEFT = sessions_pb2.PRESENCE_KIND_JOINED, sessions_pb2.PRESENCE_KIND_LEFT
PRESENT, PARTIAL, ABSENT, CAUGHT_UP = (
    types_pb2.ATTENDANCE_VERDICT_PRESENT,
    types_pb2.ATTENDANCE_VERDICT_PARTIAL,
    types_pb2.ATTENDANCE_VERDICT_ABSENT,
    types_pb2.ATTENDANCE_VERDICT_CAUGHT_UP,
)
SELF_PACED, ONLINE = types_pb2.ATTENDANCE_MODE_SELF_PACED, types_pb2.ATTENDANCE_MODE_ONLINE


def _learners(count: int) -> list[str]:
    return [f"learner-{number:05d}" for number in range(count)]


def _enrol(school: School, learners: Sequence[str]) -> None:
    for first in range(0, len(learners), 500):
        school.enrol(*learners[first : first + 500])


def _statuses(school: School, session: resources_pb2.Session) -> dict[str, int]:
    rows = school.database.mongo["attendance"].find({"session_id": session.id})
    names = types_pb2.AttendanceVerdict.Value
    return {row["learner_id"]: names(f"ATTENDANCE_VERDICT_{row['verdict']}") for row in rows}


def _published_learners(school: School) -> list[str]:
    parts = school.published(events_pb2.AttendanceSettled)
    return [one.learner_id for part in parts for one in part.learners]


def _presence_event_at(
    school: School, session: resources_pb2.Session, learner: str, minutes: float
) -> bool:
    presence_event = sessions_pb2.PresenceMark(
        learner_id=learner, kind=JOINED, at=school.at(minutes)
    )
    request = sessions_pb2.RecordPresenceRequest(session_id=session.id, marks=[presence_event])
    return school.api.RecordPresence(request, None).results[0].changed


def test_the_end_is_answered_before_anything_is_finalised(school: School) -> None:
    """SessionEnded comes first; the session shows when its attendance was finalised."""
    school.enrol("ada")
    session = school.live(school.room())
    school.clock.forward(hours=1)
    over = school.stop(session)
    assert over.state == resources_pb2.SESSION_STATE_ENDED
    assert not over.HasField("attendance_settled_at")
    assert school.attendance(session) == {}
    school.clock.forward(seconds=1)
    assert school.stop(session) == over
    school.finalise()
    assert school.get(session).attendance_settled_at == school.at()
    assert school.stop(session).HasField("attendance_settled_at")
    school.let_finalisations_end()
    types = [row["type"] for row in school.database.mongo["outbox"].find().sort("_id")]
    assert [kind.split(".", 2)[2] for kind in types[-2:]] == [
        "session.ended.v1",
        "attendance.settled.v1",
    ]


@pytest.mark.parametrize("count", [0, 1, 30, 1_100, pytest.param(5_000, marks=ONLY_DEEP)])
def test_a_class_of_any_size_is_finalised(school: School, count: int) -> None:
    """Everyone gets a status, published in numbered parts that each fit into an event."""
    learners = _learners(count)
    _enrol(school, learners)
    session = school.live(school.room())
    there, since = set(learners[: count // 2]), school.clock.now()
    _be_there(school.database.transact, session.id, sorted(there), since)
    school.clock.forward(hours=1)
    school.stop(session)
    school.finalise()
    parts = school.published(events_pb2.AttendanceSettled)
    assert [part.part for part in parts] == list(range(1, len(parts) + 1))
    assert [part.parts for part in parts] == [0] * (len(parts) - 1) + [len(parts)]
    assert max(len(part.learners) for part in parts) <= 500
    assert _published_learners(school) == learners
    wanted = {one: PRESENT if one in there else ABSENT for one in learners}
    assert _statuses(school, session) == wanted
    assert {o.learner_id: o.verdict for part in parts for o in part.learners} == wanted
    school.let_finalisations_end()
    assert len(school.published(events_pb2.AttendanceSettled)) == len(parts)
    assert not school.published(events_pb2.AttendanceAmended)


def _be_there(
    transact: Callable[[Callable[[SessionsStore], None]], None],
    session_id: str,
    learners: Sequence[str],
    since: datetime,
) -> None:
    def add(store: SessionsStore) -> None:
        store.add_presence_events(
            session_id, [PresenceEvent(o, PresenceKind.JOINED, since, "x") for o in learners]
        )
        store.touch_attendance(session_id, learners, unfinalised=True)

    transact(add)


def test_a_small_class_does_not_wait_for_a_large_one(school: School) -> None:
    """Settlements take turns, a part each: who waits longest is next."""
    _enrol(school, _learners(3 * LEARNERS))
    school.open_run("small")
    school.enrol("ada", run_id="small")
    large, small = (
        school.schedule(school.room(room), run_id=run, instructor_id=who)
        for room, run, who in (("Aula", RUN, "curie"), ("Attic", "small", "bohr"))
    )
    for session in (large, small):
        school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
    school.stop(large)
    assert finalise_next(school.database)
    school.stop(small)
    for _ in range(2):
        assert finalise_next(school.database)
    assert school.get(small).HasField("attendance_settled_at")
    assert not school.get(large).HasField("attendance_settled_at")
    assert len(_statuses(school, large)) >= LEARNERS
    school.finalise()
    assert len(_statuses(school, large)) == 3 * LEARNERS


def test_no_presence_event_is_lost_to_the_end(school: School) -> None:
    """A presence event that races the end of a session counts or is refused."""
    learners = [f"l{number}" for number in range(20)]
    school.enrol(*learners)
    session = school.live(school.room())
    school.clock.forward(minutes=1)

    def act(learner: str) -> bool:
        if not learner:
            request = sessions_pb2.EndSessionRequest(session_id=session.id)
            return not school.api.EndSession(request, None)
        return _presence_event_at(school, session, learner, -1)

    everyone = [*learners[:10], "", *learners[10:]]
    taken = {one for one, ok in zip(everyone, race(act, everyone), strict=True) if ok}
    school.finalise()
    counted = {one for one, verdict in _statuses(school, session).items() if verdict == PRESENT}
    assert counted == taken


@pytest.mark.parametrize("replicas", [pytest.param(1, marks=ONLY_DEEP), 2])
def test_presence_events_that_race_with_their_part_count(school: School, replicas: int) -> None:
    """Settled with them or amended by them: in the end everyone was there, guests as well."""
    learners, guests = _learners(3 * LEARNERS), [f"m-{number}" for number in range(20)]
    _enrol(school, learners)
    school.enrol(*guests, mode=SELF_PACED)
    session = school.live(school.room())
    school.clock.forward(hours=1)
    school.stop(session)
    late = [*learners[:: len(learners) // 40], *guests]

    def act(who: str) -> None:
        if who:
            assert _presence_event_at(school, session, who, -60)
        else:
            school.finalise()

    race(act, [*late[:30], *[""] * replicas, *late[30:]])
    school.finalise()
    school.let_finalisations_end()
    wanted = {**dict.fromkeys(learners, ABSENT), **dict.fromkeys(late, PRESENT)}
    assert _statuses(school, session) == wanted
    assert len(_published_learners(school)) == len(set(_published_learners(school)))
    last = dict.fromkeys(learners, ABSENT)
    for part in school.published(events_pb2.AttendanceSettled):
        last |= {one.learner_id: one.verdict for one in part.learners}
    last |= {e.learner_id: e.to_verdict for e in school.published(events_pb2.AttendanceAmended)}
    assert last == wanted


def test_a_presence_event_that_was_under_way_at_the_end_counts(school: School) -> None:
    """Its unit of work began before the end, and was committed after its learner's part."""
    school.enrol("ada")
    school.enrol("guest", mode=SELF_PACED)
    session = school.live(school.room())
    began, go_on = threading.Event(), threading.Event()

    def slow(store: SessionsStore) -> None:
        presence_event = PresenceEvent("guest", PresenceKind.JOINED, store.now, "x")
        store.add_presence_events(session.id, [presence_event])
        store.touch_attendance(session.id, ["guest"], unfinalised=True)
        began.set()
        assert go_on.wait(60)

    with long_transactions(school.database.client), ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(school.database.transact, slow)
        assert began.wait(60)
        school.clock.forward(hours=1)
        school.stop(session)
        school.finalise()
        assert _statuses(school, session) == {"ada": ABSENT}
        go_on.set()
        under_way.result()
    school.let_finalisations_end()
    assert _statuses(school, session) == {"ada": ABSENT, "guest": PRESENT}
    (amended,) = school.published(events_pb2.AttendanceAmended)
    assert (amended.learner_id, amended.from_verdict, amended.to_verdict) == ("guest", 0, PRESENT)


def test_who_is_expected_is_decided_at_the_end(school: School) -> None:
    """Learners who leave or join during the finalisation count as they did at the end."""
    learners = _learners(2 * LEARNERS)
    _enrol(school, learners)
    school.enrol("z-alone", mode=SELF_PACED)
    session = school.live(school.room())
    school.hear("rosters", catalog.EnrolmentWithdrawn(run_id=RUN, learner_id=learners[0]))
    school.clock.forward(hours=1)
    school.stop(session)
    assert finalise_next(school.database)
    school.hear(
        "rosters",
        catalog.EnrolmentWithdrawn(run_id=RUN, learner_id=learners[1]),
        catalog.EnrolmentWithdrawn(run_id=RUN, learner_id=learners[-1]),
        catalog.EnrolmentModeChanged(run_id=RUN, learner_id="z-alone", to_mode=ONLINE),
    )
    school.enrol("z-new")
    _presence_event_at(school, session, "z-new", -5)
    school.finalise()
    school.let_finalisations_end()
    assert _statuses(school, session) == dict.fromkeys(learners[1:], ABSENT)
    _presence_event_at(school, session, "z-new", -50)
    assert _statuses(school, session)["z-new"] == PRESENT


def test_withdrawals_that_race_with_parts_change_nothing(school: School) -> None:
    """Learners who withdraw after the end keep their attendance, once."""
    learners = _learners(2 * LEARNERS)
    _enrol(school, learners)
    session = school.live(school.room())
    school.stop(session)

    def act(who: str) -> None:
        if who:
            school.hear("rosters", catalog.EnrolmentWithdrawn(run_id=RUN, learner_id=who))
        else:
            school.finalise()

    race(act, [*learners[::50][:10], "", "", *learners[::50][10:]])
    school.finalise()
    school.let_finalisations_end()
    assert _statuses(school, session) == dict.fromkeys(learners, ABSENT)
    assert sorted(_published_learners(school)) == learners


def test_replicas_share_what_is_to_be_finalised(school: School) -> None:
    """Four workers finalise five classes: each learner's attendance is published once."""
    learners = _learners(30)
    _enrol(school, learners)
    ended = []
    for number in range(5):
        session = school.schedule(
            school.room(f"Room {number}"),
            starts=types_pb2.CivilTime(local=f"2026-03-02T{12 + number}:00:00", zone="UTC"),
        )
        school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
        ended.append(session)
    for session in ended:
        school.stop(session)
    race(lambda _: school.finalise(), range(4))
    for session in ended:
        assert _statuses(school, session) == dict.fromkeys(learners, ABSENT)
    assert sorted(_published_learners(school)) == sorted(learners * 5)


def test_a_worker_that_dies_is_succeeded(school: School) -> None:
    """Its committed work stays, the rest is done again, and its claim is ignored."""
    _enrol(school, _learners(2 * LEARNERS))
    session = school.live(school.room())
    school.stop(session)
    store = school.database.reader()
    assert store.claim_finalisation("dead", timedelta(hours=1)) == session.id
    with pytest.raises(ZeroDivisionError):
        school.database.transact(partial(_die_in_part, session_id=session.id))
    assert not finalise_next(school.database)
    assert _statuses(school, session) == {}
    school.make_due()
    assert finalise_next(school.database)
    assert len(_statuses(school, session)) == LEARNERS
    school.database.transact(lambda store: finalise_chunk(store, session.id, "dead"))
    assert len(_statuses(school, session)) == LEARNERS
    school.finalise()
    assert _published_learners(school) == _learners(2 * LEARNERS)


def _die_in_part(store: SessionsStore, session_id: str) -> None:
    finalise_chunk(store, session_id, "dead")
    store.flush()
    raise ZeroDivisionError


def test_a_catch_up_waits_for_its_finalisation(school: School) -> None:
    """A catch-up that comes before its learner's attendance is finalised is applied later."""
    school.enrol("ada")
    session = school.live(school.room())
    school.stop(session)
    done = progress.CatchUpCompleted(session_id=session.id, learner_id="ada", in_time=True)
    with pytest.raises(Wait):
        school.hear("catch_ups", done)
    school.finalise()
    school.hear("catch_ups", done)
    assert _statuses(school, session) == {"ada": CAUGHT_UP}


def test_a_recording_may_come_before_attendance(school: School) -> None:
    """It is attached at once, and stays when the attendance is finalised."""
    school.enrol("ada")
    session = school.live(school.room())
    school.stop(session)
    request = sessions_pb2.AttachRecordingRequest(session_id=session.id, item_id="film")
    school.staff.AttachRecording(request)
    school.finalise()
    after = school.get(session)
    assert after.recording.item_id == "film"
    assert after.HasField("attendance_settled_at")


def test_a_guest_who_did_not_stay_has_no_attendance(school: School) -> None:
    """A late leave removes the attendance that a join alone had caused, and this is published."""
    school.enrol("guest", mode=SELF_PACED)
    session = school.live(school.room())
    school.presence_event(session, ("guest", JOINED, 0))
    school.clock.forward(hours=1)
    school.end(session)
    assert _statuses(school, session) == {"guest": PRESENT}
    school.presence_event(session, ("guest", LEFT, -59))
    assert _statuses(school, session) == {}
    (amended,) = school.published(events_pb2.AttendanceAmended)
    assert (amended.from_verdict, amended.to_verdict) == (PRESENT, 0)
    school.presence_event(session, ("guest", JOINED, -30))
    assert _statuses(school, session) == {"guest": PARTIAL}


def test_work_is_in_proportion_to_who_is_concerned(school: School) -> None:
    """A part, a late mark and a learner's own seat read no more documents than they need."""
    _enrol(school, _learners(4 * LEARNERS))
    session = school.live(school.room(), *_learners(3))
    mongo = school.database.mongo
    school.stop(session)
    assert finalise_next(school.database)
    mongo.command("profile", 2)
    assert finalise_next(school.database)
    assert _most_examined(school) <= LEARNERS + 2
    school.finalise()
    mongo.command("profile", 0)
    mongo["system.profile"].drop()
    mongo.command("profile", 2)
    _presence_event_at(school, session, "learner-00001", -30)
    school.learner("learner-00001").ListSeats(
        sessions_pb2.ListSeatsRequest(session_id=session.id, learner_id="learner-00001")
    )
    mongo.command("profile", 0)
    assert _most_examined(school) <= 2


def _most_examined(school: School) -> int:
    rows = list(school.database.mongo["system.profile"].find())
    assert rows
    assert not [row for row in rows if "COLLSCAN" in str(row.get("planSummary")) and _heavy(row)]
    return max(int(row.get("docsExamined", 0)) for row in rows)


def _heavy(row: dict[str, object]) -> bool:
    return "system.profile" not in str(row["ns"]) and "settlements" not in str(row["ns"])
