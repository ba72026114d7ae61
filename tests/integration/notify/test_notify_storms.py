"""Many changes at once: what comes as one mail, a rate that is limited, and runs that share it."""

import random
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions

from chassis.jobs.runner import Runner
from services.notify import sender
from services.notify.domain.enums import Channel, DeliveryState
from services.notify.domain.folds import WINDOW
from services.notify.domain.messages import VANISHED
from services.notify.mail import MailServer
from services.notify.rates import Limits, limits, no_limit
from tests.integration.notify.digests import parsed
from tests.integration.notify.script import Script, playing
from tests.integration.notify.test_notify_sending import queue, server_at
from tests.integration.notify.world import HOUR, TEXTS, Mailbox, World, address_of, names, text_of

DAY = 24 * HOUR
RATE = 10.0


def classes(world: World, count: int, *learners: str) -> list[str]:
    """So many classes of a run on one day, and learners who are in it."""
    world.people(*learners, "grace")
    world.run(*learners)
    day = [f"s{number}" for number in range(count)]
    for number, session_id in enumerate(day):
        world.schedule(DAY + number * HOUR, session_id)
    return day


def cancel(world: World, *session_ids: str) -> None:
    """Cancel classes, each in a unit of work, and tell everyone in their run."""
    for session_id in session_ids:
        number = int(session_id[1:])
        data: Any = world.cancelled(DAY + number * HOUR, session_id)
        data.title = f"Class {number}."
        world.tell(data)
    world.broadcast()


def told_classes(mail: Any) -> list[int]:
    """The numbers of the classes that a mail tells of."""
    return [number for number in range(20) if f"Class {number}." in text_of(mail)]


def test_a_closure_is_one_mail_to_each_person(world: World) -> None:
    """Five classes of a day: five messages in the inbox at once, and one mail after the window."""
    cancel(world, *classes(world, 5, "p", "q"))
    assert Counter(world.notified()) == {"grace": 5, "p": 5, "q": 5}
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert script.texts == []
        world.clock.at += WINDOW
        world.send(server_at(script.url))
        world.send(server_at(script.url))
    mails = parsed(script)
    assert sorted(mail["To"] for mail in mails) == sorted(map(address_of, ("grace", "p", "q")))
    assert [told_classes(mail) for mail in mails] == [[0, 1, 2, 3, 4]] * 3
    assert {mail["Subject"] for mail in mails} == {"5 changes of your classes"}
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 15
    assert world.published() == ["delivered.v1"] * 30


def test_the_first_change_is_sent_at_once(world: World) -> None:
    """What follows within the window is one mail at its end, without what is overtaken by then."""
    day = classes(world, 4, "p")
    with playing(Script()) as script:
        cancel(world, day[0])
        world.send(server_at(script.url))
        assert len(script.texts) == 2
        world.tell(world.moved(DAY + HOUR, 2 * DAY, "s1"))
        world.broadcast()
        cancel(world, *day[1:3])
        world.send(server_at(script.url))
        assert len(script.texts) == 2
        world.clock.at += WINDOW
        world.send(server_at(script.url))
    mails = [mail for mail in parsed(script) if mail["To"] == address_of("p")]
    assert [told_classes(mail) for mail in mails] == [[0], [1, 2]]
    assert {each.error for each in world.mails_in(DeliveryState.FAILED)} == {VANISHED}


def test_a_fold_of_which_one_change_is_left_is_its_mail(world: World) -> None:
    """It reads as if the change had come alone."""
    classes(world, 1, "p")
    world.tell(world.moved(DAY, 2 * DAY, "s0"))
    cancel(world, "s0")
    with playing(Script()) as script:
        world.clock.at += WINDOW
        world.send(server_at(script.url))
    assert {mail["Subject"] for mail in parsed(script)} == {"Cancelled: Class 0."}


def test_changes_in_any_order_and_again_are_told_once(world: World) -> None:
    """Repeats of the events, a disorder of them, and workers side by side tell each class once."""
    day = classes(world, 6, "p", "q")
    events = [world.event(world.cancelled(DAY, each)) for each in day]
    shuffled = [*events, *events]
    random.shuffle(shuffled)
    for event in shuffled:
        world.hear("notify.triggers", event)
    tellers = [threading.Thread(target=world.teller().run_due) for _ in range(3)]
    for each in tellers:
        each.start()
    for each in tellers:
        each.join()
    world.system.at += timedelta(minutes=2)  # a teller that lost too often is tried again
    world.broadcast()
    assert len(world.rows("messages", {})) == 18
    with playing(Script()) as script:
        for _ in range(3):
            world.send(server_at(script.url))
            world.clock.at += WINDOW
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 18
    told = [
        row["digest_id"] or row["_id"] for row in world.rows("deliveries", {"channel": "EMAIL"})
    ]
    assert len(script.texts) == len(set(told))


def worker(world: World, server: MailServer, limit: Limits) -> Runner:
    """A worker that sends mail within a limit."""
    jobs = sender.mail(TEXTS, lambda: server, 9, world.system, limit)
    return Runner(world.database, jobs, world.system)


def test_workers_keep_one_rate_together(world: World, mailbox: Mailbox, ada: str) -> None:
    """Workers that come and go send no more than the rate, whatever the number; nothing is lost."""
    people = [f"{ada}-{number}" for number in range(30)]
    queue(world, *people)
    limit = limits("EMAIL:sink", RATE, world.system)
    began, total = world.system.at, int(RATE / 2)  # half of the burst is kept for urgent mail
    for half in range(6):
        world.system.at = began + timedelta(seconds=half / 2)
        some = [worker(world, mailbox.server(), limit) for _ in range(1 + half % 3)]
        threads = [threading.Thread(target=each.run_due) for each in some]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(mailbox.mails(*people)) == total
        total += int(RATE / 2)
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 30


def test_urgent_mail_is_sent_while_the_rate_is_used_up(world: World) -> None:
    """A closure that takes all of the rate leaves the reserve for an offer of a seat."""
    cancel(world, *classes(world, 1, *names(100, "p")))
    limit = limits("EMAIL:test", RATE, world.system)
    with playing(Script()) as script:
        worker(world, server_at(script.url), limit).run_due()
        assert len(script.texts) == RATE / 2
        offered = sessions.SeatOffered(session_id="s9", run_id="r1", learner_id="p00099")
        offered.expires_at.FromDatetime(world.clock.now() + HOUR)
        offered.start_time.FromDatetime(world.clock.now() + DAY)
        world.tell(offered)
        worker(world, server_at(script.url), limit).run_due()
        assert [mail["To"] for mail in parsed(script)[int(RATE / 2) :]] == [address_of("p00099")]


def test_a_small_run_is_not_starved_by_a_large_one(world: World) -> None:
    """Its mails, which came after 150 of another run, are sent in the next turns."""
    for run_id, stem, count in (("a", "large", 150), ("b", "small", 30)):
        people = names(count, stem)
        world.people(*people)
        world.run(run_id=run_id)
        for each in people:
            extended: Any = world.extended(each)
            extended.run_id = run_id
            world.tell(extended)
    with playing(Script()) as script:
        worker(world, server_at(script.url), no_limit).run_due()
    order = [str(mail["To"]).startswith("small") for mail in parsed(script)]
    assert len(order) == 180
    last = max(place for place, is_small in enumerate(order) if is_small)
    assert last < 30 + 3 * sender.LANES["bulk"]


def test_what_is_stale_when_its_turn_comes_takes_nothing_of_the_rate(world: World) -> None:
    """A backlog of catch-ups that were withdrawn meanwhile is dropped; the next mail is sent."""
    people = names(40, "p")
    queue(world, *people)
    for each in people:
        world.tell(world.ended(progress.CatchUpWithdrawn, each))
    limit = limits("EMAIL:test", RATE, world.system)
    queue(world, "q")
    with playing(Script()) as script:
        for _ in range(9):
            worker(world, server_at(script.url), limit).run_due()
        assert [mail["To"] for mail in parsed(script)] == [address_of("q")]
    assert {each.error for each in world.mails_in(DeliveryState.FAILED)} == {VANISHED}
    assert len(world.deliveries(channel=Channel.EMAIL, state=DeliveryState.FAILED)) == 40
