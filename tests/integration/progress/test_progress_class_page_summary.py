"""A run at a glance: its learners are counted in buckets, each one once."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tandem.progress.v1 import events_pb2, progress_pb2

from services.progress.timers import tell_dues
from tests.integration.progress.class_pages import (
    LEARNERS,
    List,
    begun,
    buckets_counted,
    buckets_summed,
    listed,
)
from tests.integration.progress.classroom import DAY, RUN, Classroom, enrolled, stamp


def test_racing_batches_count_each_learner_once(classroom: Classroom) -> None:
    """Four workers that apply the same deliveries at once leave each one in one cell and day."""
    begun(classroom, random.Random(1))
    done = [classroom.said(each, "completed", activity_id="essay") for each in LEARNERS]
    batch = [
        classroom.event(events_pb2.StatementsRecorded(learner_id=row.learner_id, statements=[row]))
        for row in done
    ]
    classroom.clock.forward(days=1, hours=1)
    causes: list[Callable[[], object]] = [lambda: classroom.apply("statements", batch)] * 3
    causes.append(lambda: tell_dues(classroom.database))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda cause: cause(), causes))
    classroom.settle()
    assert buckets_summed(classroom) == buckets_counted(classroom)
    assert sum(buckets_counted(classroom).values()) == 2 * classroom.summary().learners


def test_silent_learners(classroom: Classroom) -> None:
    """Who has done nothing for two weeks is counted, and who came since then is not."""
    begun(classroom, random.Random(3))
    classroom.clock.forward(days=15)
    classroom.hear("plans", enrolled(LEARNERS[0], classroom.clock.now()))
    classroom.record(classroom.said(LEARNERS[2], "completed", activity_id="essay"))
    classroom.settle()
    assert classroom.summary().silent_learners == len(LEARNERS[3:])
    since = stamp(classroom.clock.now() - 14 * DAY)
    request = List(run_id=RUN, filter=progress_pb2.ProgressFilter(not_seen_since=since))
    assert [row.learner_id for row in listed(classroom.staff, request)] == LEARNERS[3:]
