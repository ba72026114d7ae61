"""The worker role finalises attendance, as processes that are killed."""

import random
from collections import Counter
from contextlib import ExitStack

from tandem.sessions.v1 import events_pb2, sessions_pb2

from services.sessions.domain.finalising import LEARNERS
from tests.deep import only_deep
from tests.integration.processes import eventually
from tests.integration.sessions.school import School, worker
from tests.mongo import end_leases, end_transactions

CHUNKS = 6


@only_deep
def test_a_worker_killed_in_the_middle_finalises_nobody_twice(
    school: School, stack: dict[str, str], vhost: str
) -> None:
    """Killed at any moment, twice; the next worker continues, and all are published once."""
    learners = [f"learner-{number:05d}" for number in range(CHUNKS * LEARNERS)]
    for first in range(0, len(learners), 500):
        school.enrol(*learners[first : first + 500])
    session = school.live(school.room())
    school.stop(session)
    chance, rows = random.Random(7), school.database.mongo["attendance"]
    for _ in range(2):
        before = rows.estimated_document_count()
        with ExitStack() as running:
            workers = [running.enter_context(worker(school, stack, vhost)) for _ in range(2)]
            eventually(lambda before=before: rows.estimated_document_count() > before)  # type: ignore[misc]
            workers[chance.randrange(2)].kill()
        end_transactions(school.database.client, "sessions")
        end_leases(school.database.mongo)
        school.make_due()
        if rows.estimated_document_count() == len(learners):
            break
    with worker(school, stack, vhost):
        eventually(lambda: school.get(session).HasField("attendance_settled_at"))
    parts = school.published(events_pb2.AttendanceSettled)
    assert [part.part for part in parts] == list(range(1, len(parts) + 1))
    assert parts[-1].parts == len(parts)
    counts = Counter(one.learner_id for part in parts for one in part.learners)
    assert counts == Counter(learners)
    assert rows.count_documents({"session_id": session.id}) == len(learners)


def test_a_worker_finalises_what_ended_before_it_started(
    school: School, stack: dict[str, str], vhost: str
) -> None:
    """No event needs to start it."""
    school.enrol("ada")
    session = school.live(school.room())
    school.stop(session)
    with worker(school, stack, vhost):
        eventually(lambda: school.get(session).HasField("attendance_settled_at"))
    request = sessions_pb2.ListAttendanceRequest(session_id=session.id)
    assert [row.learner_id for row in school.staff.ListAttendance(request).attendance] == ["ada"]
