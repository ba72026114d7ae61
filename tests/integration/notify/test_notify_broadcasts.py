"""News for a whole run: in parts, whatever happens between them."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from chassis.data.store import Database, connect
from services.notify import announcer
from services.notify.domain.enums import BULK, URGENT, Kind
from services.notify.store import NotifyStore
from services.notify.usecases import broadcasts
from tests.deep import only_deep
from tests.integration.notify.world import HOUR, TEXTS, World, chunks, names

DAY = 24 * HOUR
MANY = 3_000


def large_run(world: World, count: int) -> list[str]:
    """A run of so many learners, all known; its class is cancelled: the first chunk waits, and
    nobody is notified yet.
    """
    learners = list(names(count, "learner"))
    for chunk in chunks([*learners, "grace"], 500):
        world.people(*chunk)
    world.run()
    for chunk in chunks(learners, 500):
        world.enrol(*chunk)
    world.schedule(2 * DAY)
    world.tell(world.cancelled(2 * DAY))
    return learners


def one_part(world: World, most: int = 500) -> bool:
    """Split one chunk off the only open broadcast, and notify it."""
    (broadcast_id,) = world.database.reader().open_broadcasts(world.system.now())
    more = world.database.transact(
        lambda store: broadcasts.expand(store, TEXTS, broadcast_id, world.system.now(), most)
    )
    world.teller().run_due()
    return more


def replicas(world: World, stack: dict[str, str], count: int) -> list[World]:
    """The same university as worker processes see it that have a client each."""
    name = world.database.mongo.name
    clients = [connect(stack["TANDEM_MONGO_URL"], f"replica-{number}") for number in range(count)]
    return [
        World(Database(each, name, NotifyStore, world.clock), world.clock, world.system)
        for each in clients
    ]


def divide(world: World, most: int) -> None:
    """Put all learners of all open broadcasts into parts."""
    for broadcast_id in world.database.reader().open_broadcasts(world.system.now()):

        def expand(store: Any, broadcast_id: str = broadcast_id) -> bool:
            return broadcasts.expand(store, TEXTS, broadcast_id, world.system.now(), most)

        while world.database.transact(expand):
            pass


class Killed(BaseException):
    """Stands in for the end of the process inside of a unit of work."""


def test_a_large_run_is_told_whatever_interrupts_it(world: World) -> None:
    """3,000 learners are notified once each, although the work is interrupted and resumed."""
    learners = large_run(world, MANY)
    one_part(world)

    def cut_off(store: Any) -> None:
        (broadcast_id,) = store.open_broadcasts(world.system.now())
        broadcasts.expand(store, TEXTS, broadcast_id, world.system.now(), 500)
        raise Killed

    with pytest.raises(Killed):
        world.database.transact(cut_off)
    assert len(world.notified()) == 1_001  # and the instructor
    world.broadcast()
    assert world.notified() == sorted([*learners, "grace"])
    assert len(world.deliveries()) == 2 * (MANY + 1)
    assert len(world.published()) == MANY + 1


def test_two_workers_tell_a_run_once(world: World) -> None:
    """Two workers that handle the same broadcast notify each learner once."""
    learners = large_run(world, 600)
    broadcast_id = world.database.reader().open_broadcasts(world.system.now())[0]

    def work() -> None:
        def expand(store: Any) -> bool:
            return broadcasts.expand(store, TEXTS, broadcast_id, world.system.now(), 50)

        while world.database.transact(expand):
            pass
        world.teller().run_due()

    side_by_side(work, work)
    world.teller().run_due()
    assert world.notified() == sorted([*learners, "grace"])


def test_replicas_share_the_parts_of_a_broadcast(
    world: World, stack: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both replicas notify chunks of one broadcast, and each learner is notified once."""
    monkeypatch.setattr(broadcasts, "CHUNK", 25)
    learners = large_run(world, 300)
    divide(world, 25)
    first, second = (each.teller() for each in replicas(world, stack, 2))
    both, mine, notify_chunk = threading.Barrier(2), threading.local(), broadcasts.notify_chunk

    def meet(*args: Any) -> None:
        if not hasattr(mine, "met"):
            mine.met = True
            both.wait()
        notify_chunk(*args)

    monkeypatch.setattr(broadcasts, "notify_chunk", meet)
    done: list[int] = []
    side_by_side(lambda: done.append(first.run_due()), lambda: done.append(second.run_due()))
    assert sum(done) == 12
    assert world.notified() == sorted([*learners, "grace"])
    assert world.rows("broadcast_parts", {}) == []


def test_a_part_whose_teller_was_killed_is_told_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that ends in a chunk has notified nobody; another one does when the claim ends."""
    monkeypatch.setattr(broadcasts, "CHUNK", 20)
    learners = large_run(world, 60)
    divide(world, 20)
    notify_chunk = broadcasts.notify_chunk

    def cut_off(*args: Any) -> None:
        notify_chunk(*args)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(broadcasts, "notify_chunk", cut_off)
        with pytest.raises(Killed):
            world.teller().run_due()
    assert world.notified() == ["grace"]
    world.teller().run_due()
    assert world.notified() == sorted([*learners[20:], "grace"])
    world.system.at += announcer.chunks(TEXTS).lease
    world.teller().run_due()
    assert world.notified() == sorted([*learners, "grace"])


def test_a_part_that_two_workers_have_is_told_once(world: World) -> None:
    """A claim ends while its holder still works: each learner is notified once."""
    learners = large_run(world, 200)
    divide(world, 500)
    (chunk,) = world.rows("broadcast_parts", {})

    def work() -> None:
        world.database.transact(lambda store: broadcasts.notify_chunk(store, TEXTS, chunk["_id"]))

    side_by_side(work, work, work)
    assert world.notified() == sorted([*learners, "grace"])


def test_urgent_broadcasts_come_before_others(world: World, ada: str) -> None:
    """Parts of a reminder that wait let those of a cancelled class by."""
    world.people(ada, "grace")
    world.run(ada)
    world.schedule(2 * HOUR, "s1")
    world.schedule(2 * DAY, "s2")
    world.clock.forward(hours=1)
    world.remind()
    divide(world, 500)
    world.tell(world.cancelled(2 * DAY, "s2"))
    divide(world, 500)
    lanes = [row["job"]["lane"] for row in world.rows("broadcast_parts", {})]
    assert sorted(lanes) == [BULK, URGENT]
    world.teller().run_due([URGENT])
    assert world.notified() == sorted([ada, "grace"])
    world.teller().run_due()
    assert world.notified() == sorted([ada, ada, "grace"])


def test_a_reminder_of_a_class_that_was_moved_is_told_to_no_further_part(
    world: World, ada: str
) -> None:
    """Waiting chunks are not notified of the old time after the class is moved."""
    world.people(ada, "grace")
    world.run(ada)
    world.schedule(2 * HOUR)
    world.clock.forward(hours=1)
    world.remind()
    divide(world, 500)
    world.tell(world.moved(HOUR, 5 * HOUR))
    world.teller().run_due()
    assert {row["kind"] for row in world.rows("messages", {})} == {Kind.SESSION_MOVED}
    assert world.rows("broadcast_parts", {}) == []


def test_news_of_an_enrolment_that_comes_late(world: World, ada: str) -> None:
    """A learner of the run is notified, even if the enrolment's event comes after the class's."""
    world.people(ada, "bob", "grace")
    world.run("bob")
    world.schedule(2 * DAY)
    enrolled = world.event(world.enrolled(ada))
    world.clock.forward(minutes=1)
    world.tell(world.cancelled(2 * DAY))
    world.broadcast()
    world.hear("notify.rosters", enrolled)
    world.broadcast()
    assert world.notified() == sorted([ada, "bob", "grace"])


def test_who_enrols_after_the_news_is_not_told(world: World, ada: str) -> None:
    """Events from before a learner's enrolment cause no message."""
    world.people(ada, "grace")
    world.run()
    world.schedule(2 * DAY)
    world.tell(world.cancelled(2 * DAY))
    world.broadcast()
    world.clock.forward(minutes=1)
    world.enrol(ada)
    world.broadcast()
    assert world.notified() == ["grace"]


@only_deep
def test_an_enrolment_racing_the_news(world: World) -> None:
    """In any order of the enrolment's and the class's event, the learner is notified."""
    world.people("grace", *names(20, "racer"))
    world.run()
    for number, racer in enumerate(names(20, "racer")):
        session_id = f"s{number}"
        world.schedule(2 * DAY, session_id)
        enrolled = world.event(world.enrolled(racer))
        cancelled = world.event(world.cancelled(2 * DAY, session_id))

        def tell(event: Any = cancelled) -> None:
            world.hear("notify.triggers", event)
            world.broadcast()

        side_by_side(tell, lambda event=enrolled: world.hear("notify.rosters", event))
        world.broadcast()
        messages = world.rows("messages", {"event_id": cancelled.id, "person_id": racer})
        assert len(messages) == 1


def test_people_who_are_not_known_yet_are_told_later(world: World, ada: str) -> None:
    """A learner whose address is unknown delays nobody, and is notified when it is known."""
    world.people("bob")
    world.run(ada, "bob")
    world.schedule(2 * DAY)
    world.tell(world.cancelled(2 * DAY))
    world.broadcast()
    assert world.notified() == ["bob"]
    world.people(ada, "grace")
    world.broadcast()
    assert world.notified() == ["bob"]  # it is not asked all the time
    world.system.at += timedelta(seconds=5)
    world.broadcast()
    assert world.notified() == sorted([ada, "bob", "grace"])


def test_people_who_never_become_known(world: World, ada: str) -> None:
    """When the class is over, its notification no longer waits for unknown people."""
    world.run(ada)
    world.schedule(2 * DAY)
    world.tell(world.cancelled(2 * DAY))
    world.broadcast()
    world.clock.forward(days=3)
    world.system.at += timedelta(minutes=1)
    world.broadcast()
    assert world.rows("broadcasts", {"done": False}) == []


def test_many_unknown_people_hold_up_nobody(
    world: World, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting people are tried in turn, so a person who is known now gets the message."""
    monkeypatch.setattr(broadcasts, "CHUNK", 3)
    world.people(ada)
    world.run(*names(7, "unknown"), ada)
    world.schedule(2 * DAY)
    world.tell(world.cancelled(2 * DAY))
    for _ in range(9):
        world.system.at += timedelta(seconds=5)
        one_part(world, 3)
    assert world.notified() == [ada]


def test_one_broken_broadcast_holds_up_no_other(
    world: World, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one broadcast fails, the next is sent, and the first is tried again."""
    world.people(ada, "grace")
    world.run(ada)
    for session_id in ("s1", "s2"):
        world.schedule(2 * DAY, session_id)
        world.tell(world.cancelled(2 * DAY, session_id))
    first = world.database.reader().open_broadcasts(world.system.now())[0]
    expand = broadcasts.expand

    def broken(store: Any, texts: Any, broadcast_id: str, *more: Any) -> bool:
        if broadcast_id == first:
            raise ValueError("a template is broken")
        return expand(store, texts, broadcast_id, *more)

    with monkeypatch.context() as patch:
        patch.setattr(broadcasts, "expand", broken)
        world.broadcast()
    assert len(world.notified()) == 3  # the first chunk of each, and the instructor of the second
    world.broadcast()
    assert len(world.notified()) == 4


def test_a_run_of_a_timer_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer's run that is out of time notifies nobody more, and the next run continues."""
    learners = large_run(world, 20)
    with monkeypatch.context() as patch:
        patch.setattr(announcer, "BUDGET", 0.0)
        world.broadcast()
    assert world.notified() == learners  # of the first chunk; not the instructor
    world.broadcast()
    assert len(world.notified()) == 21


def side_by_side(*work: Any) -> None:
    """Do pieces of work in threads that start together; raise what any of them raised."""
    barrier, errors = threading.Barrier(len(work)), []

    def one(piece: Any) -> None:
        barrier.wait()
        try:
            piece()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(piece,)) for piece in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
