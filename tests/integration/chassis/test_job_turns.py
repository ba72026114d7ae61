"""Owners of jobs that take turns, and limits of how many jobs begin, on a real MongoDB."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.data.migrations import Migration, adding
from chassis.jobs import INDEX, TURNS_INDEX, Batch, LimitReached, waiting
from chassis.jobs.queue import Queue
from chassis.jobs.runner import Runner
from tests.conftest import FakeClock, MakeDatabase
from tests.integration.chassis.test_jobs import AT_ONCE, EITHER, LEASE, SECOND, Tasks, TaskStore
from tests.integration.processes import eventually


class OwnedStore(TaskStore):
    """Tasks whose owners take turns."""

    migrations = (Migration(1, "tasks", adding({"tasks": [INDEX, TURNS_INDEX]})),)


@pytest.fixture
def tasks(make_database: MakeDatabase, clock: FakeClock) -> Tasks:
    """No tasks yet."""
    return Tasks(make_database(OwnedStore), clock)


def add(tasks: Tasks, owner: str, count: int, lane: str = "bulk") -> None:
    """Add tasks of an owner that are due now."""
    job = waiting(lane, tasks.clock.now(), owner=owner)
    tasks.rows.insert_many(
        [{"_id": f"{lane}-{owner}-{number:05d}", "done": 0, "job": job} for number in range(count)]
    )


def owner_of(job_id: str) -> str:
    """The owner of a task."""
    return job_id.split("-")[1]


def claimed(queue: Queue) -> list[list[str]]:
    """The owners of each batch, until no job is due."""
    found = []
    while batch := queue.claim(EITHER):
        found.append([owner_of(each) for each in batch.ids])
    return found


def test_an_owner_with_many_jobs_does_not_delay_one_with_few(tasks: Tasks) -> None:
    """Thirty jobs that come after ten thousand are in the next batches."""
    add(tasks, "large", 10_000)
    queue = tasks.queue(turns=True)
    first = queue.claim(EITHER)
    assert first is not None
    tasks.clock.forward(seconds=1)
    add(tasks, "small", 30)
    batches = [queue.claim(EITHER) for _ in range(4)]
    owners = Counter(owner_of(each) for batch in batches if batch for each in batch.ids)
    assert owners["small"] == 30


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_each_owner_is_served_in_each_round(tasks: Tasks, counts: Sequence[int]) -> None:
    """All jobs are claimed once; between two batches of an owner all others with jobs have one."""
    tasks.rows.delete_many({})
    left = {f"o{number}": count for number, count in enumerate(counts)}
    for owner, count in left.items():
        add(tasks, owner, count)
    since = dict.fromkeys(left, 0)
    for batch in claimed(tasks.queue(turns=True)):
        served = Counter(batch)
        for owner in left:
            since[owner] = 0 if owner in served or not left[owner] else since[owner] + 1
            left[owner] -= served[owner]
        assert max(since.values()) <= len(counts)
    assert set(left.values()) == {0}


def test_jobs_of_a_turn_are_found_by_the_index_alone(tasks: Tasks) -> None:
    """Jobs of a hundred owners that are all put off cost a claim an index entry for each owner."""
    for number in range(100):
        add(tasks, f"o{number:03d}", 20)
    tasks.rows.update_many({}, {"$set": {"job.due": tasks.clock.now() + LEASE}})
    add(tasks, "p", 20)
    query = {
        "job.lane": "bulk",
        "job.owner": {"$gt": ""},
        "job.due": {"$lte": tasks.clock.now()},
    }
    found = tasks.rows.find(query).sort([("job.owner", 1), ("job.due", 1)]).limit(20)
    plan = found.explain()["executionStats"]
    assert plan["totalKeysExamined"] <= 20 + 2 * 101
    assert plan["totalDocsExamined"] == 20


class Tokens:
    """A limit of so many jobs; urgent ones are not limited."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, lane: str, most: int) -> int:
        """As many as are left."""
        if lane == "urgent":
            return most
        taken = min(self.left, most)
        self.left -= taken
        return taken

    def give_back(self, count: int) -> None:
        """More are left."""
        self.left += count


def test_no_more_jobs_begin_than_the_limit_lets(tasks: Tasks) -> None:
    """A batch is as large as the limit lets it be, and nothing is claimed beyond it."""
    add(tasks, "o", 30)
    tokens = Tokens(25)
    queue = tasks.queue(limit=lambda _: tokens)
    sizes = [len(batch.ids) for batch in (queue.claim(EITHER), queue.claim(EITHER)) if batch]
    assert sizes == [AT_ONCE["bulk"], 5]
    with pytest.raises(LimitReached):
        queue.claim(EITHER)
    assert tasks.rows.count_documents({"job.claim": ""}) == 5
    add(tasks, "o", 1, "urgent")
    batch = queue.claim(EITHER)
    assert batch is not None
    assert batch.lane == "urgent"


def test_what_was_not_claimed_is_given_back(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """If others were faster, the limit counts nothing."""
    add(tasks, "o", 3)
    tokens = Tokens(10)
    queue, faster = tasks.queue(limit=lambda _: tokens), tasks.queue()
    take = tokens.take

    def overtaken(lane: str, most: int) -> int:
        faster.claim(EITHER)
        return take(lane, most)

    monkeypatch.setattr(tokens, "take", overtaken)
    assert queue.claim(EITHER) is None
    assert tokens.left == 10


def test_a_slot_waits_for_its_limit_with_what_it_has_open(tasks: Tasks) -> None:
    """It goes on when more may begin, and opens nothing anew meanwhile."""
    add(tasks, "o", 40)
    tokens, opened = Tokens(10), []

    @contextmanager
    def work(_: Any) -> Iterator[Callable[[Batch], int]]:
        opened.append("connection")
        yield tasks.finish

    jobs = replace(tasks.jobs(poll=SECOND / 100, limit=lambda _: tokens), work=work)
    runner = Runner(tasks.database, jobs, tasks.clock)
    runner.start()
    try:
        eventually(lambda: tasks.done() == 10)
        tokens.give_back(30)
        eventually(lambda: tasks.done() == 40)
    finally:
        runner.stop()
        runner.join()
    assert len(opened) == 1
