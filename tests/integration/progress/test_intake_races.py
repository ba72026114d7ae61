"""Statements that come again, in another batch or in another form."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.deep import DEEP, deep
from tests.integration.progress.classroom import Classroom


@deep
def test_racing_batches_that_overlap_count_once(classroom: Classroom) -> None:
    """Batches that share statements in other orders: each statement is new exactly once."""
    count = 30 if DEEP else 12
    shared = [classroom.said("ada", "completed", activity_id="essay") for _ in range(count)]
    batches = [shared[shift:] + shared[:shift] for shift in range(0, count, 3)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda batch: classroom.record(*batch), batches))
    changed = [row.id for answer in answers for row in answer if row.changed]
    assert sorted(changed) == sorted(each.id for each in shared)
    assert not [row for answer in answers for row in answer if row.violations]


def test_what_is_too_fine_to_keep_makes_no_conflict(classroom: Classroom) -> None:
    """A timestamp in nanoseconds, a duration and a result come again as the same statement."""
    one = classroom.watched("ada", "0[.]1.1")
    one.timestamp.nanos = 123_456_789
    one.result.completion = True
    one.result.duration.FromTimedelta(timedelta(seconds=1.5))
    assert [row.changed for row in classroom.record(one)] == [True]
    (row,) = classroom.record(one)
    assert (row.changed, list(row.violations)) == (False, [])
