"""Jobs on a real MongoDB: claims of replicas that race, lanes, leases, holds, and the drain."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.data.migrations import Migration, adding
from chassis.data.store import Database, Store, connect
from chassis.jobs import DONE, INDEX, Away, Batch, Jobs, ours, waiting
from chassis.jobs.queue import Queue
from chassis.jobs.runner import Runner
from tests.conftest import FakeClock, MakeDatabase
from tests.deep import only_deep
from tests.integration.processes import eventually

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=60)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(seconds=40)
AT_ONCE = {"urgent": 5, "bulk": 20}
EITHER = ("urgent", "bulk")


class TaskStore(Store):
    """Tasks that are to be done once."""

    service = "catalog"
    migrations = (Migration(1, "tasks", adding({"tasks": [INDEX]})),)


class Tasks:
    """A service whose jobs are tasks, on a clock that stands until it is moved."""

    def __init__(self, database: Database[Any], clock: FakeClock) -> None:
        self.database, self.clock = database, clock
        self.rows = database.mongo["tasks"]

    def add(self, count: int, lane: str = "bulk", target: str = "") -> list[str]:
        """Add tasks that are due now; answers their ids."""
        names = [f"{lane}-{target}-{number:05d}" for number in range(count)]
        job = waiting(lane, self.clock.now(), target)
        self.rows.insert_many([{"_id": name, "done": 0, "job": job} for name in names])
        return names

    def jobs(
        self, work: Callable[[Batch], int] | None = None, slots: Any = (EITHER,), **more: Any
    ) -> Jobs[Any]:
        """The jobs; `work` does each batch, and with None it is done at once."""

        @contextmanager
        def opened(_: Database[Any]) -> Iterator[Callable[[Batch], int]]:
            yield work or self.finish

        return Jobs(
            "catalog.tasks",
            "tasks",
            AT_ONCE,
            slots,
            opened,
            lease=LEASE,
            first_pause=FIRST_PAUSE,
            longest_pause=LONGEST_PAUSE,
            **more,
        )

    def queue(self, database: Database[Any] | None = None, **more: Any) -> Queue:
        """Claims on the tasks, by a replica with a client of its own where one is given."""
        return Queue(database or self.database, self.jobs(**more), self.clock)

    def runner(self, work: Callable[[Batch], int] | None = None, **more: Any) -> Runner:
        """A process that works on the tasks."""
        return Runner(self.database, self.jobs(work, **more), self.clock)

    def finish(self, batch: Batch) -> int:
        """Note that what the batch still has is done."""
        done = {"$unset": DONE, "$inc": {"done": 1}}
        return self.rows.update_many(ours(batch.claim, batch.ids), done).modified_count

    def done(self) -> int:
        """How many tasks are done; fails where one was done twice."""
        assert self.rows.count_documents({"done": {"$gt": 1}}) == 0
        return self.rows.count_documents({"done": 1, "job": {"$exists": False}})

    def job(self, name: str) -> Any:
        """What a task's job says."""
        row = self.rows.find_one({"_id": name})
        assert row is not None
        return row["job"]


@pytest.fixture
def tasks(make_database: MakeDatabase, clock: FakeClock) -> Tasks:
    """No tasks yet."""
    return Tasks(make_database(TaskStore), clock)


def replicas(tasks: Tasks, stack: dict[str, str], count: int) -> list[Queue]:
    """Claims from as many replicas, each with a client of its own."""
    clients = [connect(stack["TANDEM_MONGO_URL"], f"replica-{number}") for number in range(count)]
    name = tasks.database.mongo.name
    return [tasks.queue(Database(each, name, TaskStore, tasks.clock)) for each in clients]


def test_replicas_that_race_claim_each_job_once(tasks: Tasks, stack: dict[str, str]) -> None:
    """Four replicas that begin together share all jobs, whoever is faster; twenty times."""
    queues = replicas(tasks, stack, 4)
    for _ in range(20):
        names = tasks.add(200)
        barrier = threading.Barrier(len(queues))

        def drain(queue: Queue, barrier: threading.Barrier = barrier) -> list[str]:
            barrier.wait()
            claimed: list[str] = []
            # A claim may find nothing though some wait: others were faster each time it looked.
            while tasks.rows.count_documents({"job.claim": ""}):
                batch = queue.claim(EITHER)
                claimed += batch.ids if batch else ()
            return claimed

        with ThreadPoolExecutor(len(queues)) as pool:
            shares = list(pool.map(drain, queues))
        assert sorted(each for share in shares for each in share) == names
        tasks.rows.delete_many({})


def test_processes_that_race_do_each_job_once(tasks: Tasks) -> None:
    """Runners side by side, of several slots each, do all jobs, and none of them twice."""
    tasks.add(300)
    tasks.add(50, "urgent")
    runners = [
        tasks.runner(slots=(("urgent",), EITHER, EITHER), poll=SECOND / 100) for _ in range(3)
    ]
    for runner in runners:
        runner.start()
    eventually(lambda: tasks.rows.count_documents({"job": {"$exists": True}}) == 0)
    for runner in runners:
        runner.stop()
        runner.join()
    assert tasks.done() == 350


def test_urgent_jobs_overtake_ten_thousand_others(tasks: Tasks) -> None:
    """They are next, however many were due before them."""
    tasks.add(10_000)
    tasks.clock.forward(seconds=1)
    urgent = tasks.add(3, "urgent")
    batch = tasks.queue().claim(EITHER)
    assert batch is not None
    assert sorted(batch.ids) == urgent


def test_a_lane_with_a_slot_of_its_own_can_t_be_crowded_out(tasks: Tasks) -> None:
    """An urgent job is done at once while all other slots are busy for a long time."""
    tasks.add(100)
    release, busy = threading.Event(), threading.Semaphore(0)

    def work(batch: Batch) -> int:
        if batch.lane == "bulk":
            busy.release()
            release.wait()
        return tasks.finish(batch)

    runner = tasks.runner(work, slots=(("urgent",), EITHER, EITHER), poll=SECOND / 100)
    runner.start()
    try:
        for _ in range(2):
            busy.acquire()
        tasks.add(5, "urgent")
        eventually(lambda: tasks.done() == 5)
    finally:
        release.set()
        runner.stop()
        runner.join()


def test_what_is_next_is_found_by_the_index_alone(tasks: Tasks) -> None:
    """A claim reads as many index entries as a batch has, however many jobs wait or are claimed."""
    tasks.add(500)
    tasks.rows.insert_many([{"_id": f"plain-{number}"} for number in range(500)])
    queue = tasks.queue()
    for _ in range(10):
        queue.claim(EITHER)
    query = {"job.lane": "bulk", "job.due": {"$lte": tasks.clock.now()}}
    plan = tasks.rows.find(query).sort("job.due", 1).limit(20).explain()["executionStats"]
    assert plan["totalKeysExamined"] <= 21
    assert plan["totalDocsExamined"] == 20


def test_a_holder_that_died_is_succeeded(tasks: Tasks) -> None:
    """Another takes its jobs after the lease, not before; the first holder can't finish them."""
    tasks.add(3)
    queue = tasks.queue()
    dead = queue.claim(EITHER)
    assert dead is not None
    tasks.clock.at += LEASE - SECOND
    assert queue.claim(EITHER) is None
    tasks.clock.at += SECOND
    heir = queue.claim(EITHER)
    assert heir is not None
    assert set(heir.ids) == set(dead.ids)
    assert tasks.finish(dead) == 0
    assert tasks.finish(heir) == 3


def test_a_claim_that_is_renewed_holds(tasks: Tasks) -> None:
    """It is kept as long as its batch takes."""
    tasks.add(3)
    queue = tasks.queue()
    batch = queue.claim(EITHER)
    assert batch is not None
    for _ in range(5):
        tasks.clock.at += LEASE - SECOND
        queue.renew(batch)
        assert queue.claim(EITHER) is None


def test_what_fails_comes_back_after_pauses_that_grow(tasks: Tasks) -> None:
    """Between half and all of 10, 20, 40, 40 seconds."""
    (name,) = tasks.add(1)

    def fail(_: Batch) -> int:
        raise ValueError("no")

    runner = tasks.runner(fail)
    for attempt, pause in enumerate((10, 20, 40, 40), 1):
        runner.run_due()
        job = tasks.job(name)
        assert (job["attempts"], job["claim"]) == (attempt, "")
        assert SECOND * pause / 2 <= job["due"] - tasks.clock.now() <= SECOND * pause
        tasks.clock.at = job["due"]


def test_one_job_that_always_fails_keeps_no_other(tasks: Tasks) -> None:
    """The others of its batch are done, and it waits alone."""
    names = tasks.add(20)

    def work(batch: Batch) -> int:
        if names[7] in batch.ids:
            raise ValueError("poison")
        return tasks.finish(batch)

    assert tasks.runner(work).run_due() == 19
    assert tasks.done() == 19
    assert tasks.job(names[7])["attempts"] == 1


def test_a_target_that_is_away_costs_its_jobs_nothing(tasks: Tasks) -> None:
    """One try in a while, by whichever replica; then all go on, and none counts as failed."""
    names = tasks.add(100, target="host")
    tried: list[Sequence[str]] = []

    def away(batch: Batch) -> int:
        tried.append(batch.ids)
        raise Away("nobody there")

    def look() -> None:
        for _ in range(3):  # replicas, one after the other
            tasks.runner(away).run_due()

    look()
    assert len(tried) == 1
    tasks.clock.at += FIRST_PAUSE
    look()
    assert len(tried) == 2
    tasks.clock.at += FIRST_PAUSE / 2
    look()
    assert len(tried) == 2  # the second pause is longer
    assert {tasks.job(name)["attempts"] for name in names} == {0}
    tasks.clock.at += LONGEST_PAUSE
    assert tasks.runner().run_due() == 100
    assert tasks.database.mongo["job_holds"].count_documents({}) == 0


def test_a_target_that_is_held_keeps_no_other(tasks: Tasks) -> None:
    """Only jobs of this target wait."""
    tasks.add(30, target="down")
    tasks.add(30, target="up")

    def work(batch: Batch) -> int:
        if "down" in batch.targets:
            raise Away("nobody there", "down")
        return tasks.finish(batch)

    runner = tasks.runner(work)
    for _ in range(3):
        runner.run_due()
        tasks.clock.at += SECOND * 3
    assert tasks.done() == 30
    assert tasks.rows.count_documents({"job.target": "down", "job.attempts": 0}) == 30


@only_deep
def test_a_target_has_so_many_in_hand_at_once(tasks: Tasks) -> None:
    """With any number of slots in a process; other jobs of the target wait, and all get done."""
    tasks.add(12, target="slow")
    tasks.add(12, target="")
    in_hand: Counter[str] = Counter()
    most = 0
    lock = threading.Lock()

    def work(batch: Batch) -> int:
        nonlocal most
        with lock:
            in_hand.update(batch.targets)
            most = max(most, in_hand["slow"])
        done = tasks.finish(batch)
        with lock:
            in_hand.subtract(batch.targets)
        return done

    runner = tasks.runner(work, slots=(EITHER,) * 4, per_target=3, poll=SECOND / 100)
    runner.start()

    def all_done() -> bool:
        tasks.clock.at += SECOND / 10
        return tasks.done() == 24

    eventually(all_done)
    runner.stop()
    runner.join()
    assert most == 3


def test_who_is_to_end_finishes_what_it_has_and_claims_no_more(tasks: Tasks) -> None:
    """`join` returns when no job is running; unclaimed jobs are left to other processes."""
    tasks.add(100)
    begun, release = threading.Event(), threading.Event()
    stopping: list[bool] = []

    def work(batch: Batch) -> int:
        begun.set()
        release.wait()
        stopping.append(batch.stopping())
        return tasks.finish(batch)

    runner = tasks.runner(work)
    runner.start()
    begun.wait()
    runner.stop()
    release.set()
    runner.join()
    assert stopping == [True]
    assert tasks.done() == AT_ONCE["bulk"]
    assert tasks.rows.count_documents({"job.claim": ""}) == 100 - AT_ONCE["bulk"]


def test_claims_in_hand_are_renewed_while_they_take_long(tasks: Tasks) -> None:
    """A batch that takes longer than its lease stays its own."""
    names = tasks.add(1)
    begun, release = threading.Event(), threading.Event()

    def work(batch: Batch) -> int:
        begun.set()
        release.wait()
        return tasks.finish(batch)

    jobs = tasks.jobs(work)
    quick = Jobs(jobs.name, jobs.collection, jobs.lanes, jobs.slots, jobs.work, lease=SECOND / 10)
    runner = Runner(tasks.database, quick, tasks.clock)
    runner.start()
    begun.wait()
    for _ in range(3):
        tasks.clock.at += SECOND
        now = tasks.clock.now()
        eventually(lambda now=now: tasks.job(names[0])["due"] > now)  # type: ignore[misc]
    release.set()
    runner.stop()
    runner.join()
    assert tasks.done() == 1


def test_the_oldest_tells_how_long_it_has_been_due(tasks: Tasks) -> None:
    """The age of the oldest unclaimed job; nothing if all jobs are claimed or there are none."""
    queue = tasks.queue()
    assert queue.oldest("bulk") == timedelta(0)
    tasks.clock.at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    tasks.add(1)
    tasks.clock.at += timedelta(minutes=5)
    assert queue.oldest("bulk") == timedelta(minutes=5)
    queue.claim(EITHER)
    assert queue.oldest("bulk") == timedelta(0)
