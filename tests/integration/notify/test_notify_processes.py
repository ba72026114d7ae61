"""The worker as a process: RabbitMQ, MongoDB and SMTP together, under eventlet."""

import signal
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from tandem.catalog.v1 import events_pb2 as catalog

from chassis.clock import SystemClock
from chassis.data.store import Database
from services.notify.domain.enums import Category, Channel, DeliveryState, Frequency
from services.notify.domain.messages import UNKNOWN
from services.notify.domain.preferences import CategoryPreference, ChannelFrequency
from services.notify.store import NotifyStore
from tests.deep import only_deep
from tests.integration.notify.world import Mailbox, World, chunks, names, person
from tests.integration.processes import declare, eventually, publish, role
from tests.mongo import end_leases, end_transactions


@pytest.fixture
def real(
    stack: dict[str, str], make_database: Callable[[type[NotifyStore]], Database[NotifyStore]]
) -> World:
    """A world on the system's clock: the worker has no other."""
    made = make_database(NotifyStore)
    database = Database(made.client, made.mongo.name, NotifyStore, SystemClock())
    return World(database, SystemClock(), SystemClock())


@pytest.fixture
def environment(stack: dict[str, str], vhost: str, real: World) -> dict[str, str]:
    """The environment of the roles; the queues are declared, because workers wait for them."""
    variables = {
        **stack,
        "TANDEM_AMQP_URL": vhost,
        "TANDEM_MONGO_DATABASE": real.database.mongo.name,
        "TANDEM_MAIL_FROM": "tandem@university.example",
    }
    declare("notify", variables)
    return variables


def test_from_the_bus_to_the_mailbox(
    real: World, environment: dict[str, str], vhost: str, mailbox: Mailbox, ada: str
) -> None:
    """Events in any order become messages and mail, once each; SIGTERM ends the worker cleanly."""
    learners = [f"{ada}-{number}" for number in range(30)]
    starts_in = timedelta(days=2)
    cancellations = [
        real.event(real.scheduled(starts_in)),
        real.event(real.cancelled(starts_in)),
        real.event(catalog.RunOpened(run_id="r1", title="Physics")),
        *(real.event(real.enrolled(one)) for one in learners),
        *(real.event(person(one)) for one in [*learners, "grace"]),
    ]
    with role("notify", "worker", environment) as worker:
        publish(vhost, real.event(real.assigned(learners[0])), *cancellations, *cancellations)
        eventually(lambda: len(real.mails_in(DeliveryState.DELIVERED)) == 32)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(120) == 0
    assert real.notified("Cancelled") == sorted([*learners, "grace"])
    assert real.notified("To catch up") == [learners[0]]
    assert len(mailbox.mails(*learners)) == 31


def queue_mail(real: World, people: Sequence[str]) -> None:
    """A mail to each of these people is queued."""
    real.hear("notify.people", *(real.event(person(one)) for one in people))
    for chunk in chunks(people, 100):
        real.hear("notify.triggers", *(real.event(real.assigned(one)) for one in chunk))


def addressees(mailbox: Mailbox, people: Sequence[str]) -> list[str]:
    """The addressees of mails, one entry a mail."""
    return sorted(str(mail["To"]).partition("@")[0] for mail in mailbox.mails(*people))


def workers(real: World) -> set[str]:
    """The workers that run, which end in good order by then: they share the partitions."""
    return {row["holder"] for row in real.rows("leases", {"member_of": {"$exists": True}})}


@only_deep
def test_replicas_send_each_mail_once(
    real: World, environment: dict[str, str], mailbox: Mailbox, ada: str
) -> None:
    """Two workers that send side by side send each mail, and none twice."""
    people = sorted(f"{ada}-{number:03d}" for number in range(400))
    queue_mail(real, people)
    with (
        role("notify", "worker", environment) as one,
        role("notify", "worker", environment) as other,
    ):
        eventually(lambda: len(workers(real)) == 2)
        eventually(lambda: not real.rows("deliveries", {"state": "QUEUED"}))
        for worker in (one, other):
            worker.send_signal(signal.SIGTERM)
        assert [one.wait(120), other.wait(120)] == [0, 0]
    assert addressees(mailbox, people) == people
    assert real.published() == ["delivered.v1"] * 800


@only_deep
def test_a_worker_killed_while_it_sends(
    real: World, environment: dict[str, str], mailbox: Mailbox, ada: str
) -> None:
    """No mail comes twice; some mails of the killed worker are recorded as unknown, no others."""
    people = [f"{ada}-{number:03d}" for number in range(400)]
    queue_mail(real, people)
    with role("notify", "worker", environment) as worker:
        eventually(lambda: mailbox.mails(*people))
        killed = workers(real)
        worker.kill()
        worker.wait()
    end_transactions(real.database.client, "notify")
    end_leases(real.database.mongo)
    in_hand = real.rows("deliveries", {"state": "QUEUED", "sending": True})
    end_claims = {"$set": {"job.due": SystemClock().now()}}
    real.database.mongo["deliveries"].update_many({"job.claim": {"$ne": ""}}, end_claims)
    with role("notify", "worker", environment) as worker:
        eventually(lambda: workers(real) - killed)
        eventually(lambda: not real.rows("deliveries", {"state": "QUEUED"}))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(120) == 0
    arrived = addressees(mailbox, people)
    assert len(arrived) == len(set(arrived))
    lost = real.mails_in(DeliveryState.FAILED)
    # MongoDB may have written yet what the killed one said of some.
    assert {one.id for one in lost} <= {row["_id"] for row in in_hand}
    assert {one.error for one in lost} <= {UNKNOWN}
    assert set(people) == {*arrived, *(one.person_id for one in lost)}


@only_deep
def test_a_worker_killed_while_it_sends_digests(
    real: World, environment: dict[str, str], mailbox: Mailbox, ada: str
) -> None:
    """No digest comes twice; both messages of each were delivered with it, or are unknown."""
    people = [f"{ada}-{number:03d}" for number in range(200)]
    real.hear("notify.people", *(real.event(person(one)) for one in people))
    weekly = ChannelFrequency(Channel.EMAIL, Frequency.WEEKLY)
    for each in people:
        real.choose(each, CategoryPreference(Category.CATCH_UP, (), (weekly,)))
    for news in (real.assigned, real.placed):
        catch_ups = [news(one) for one in people]
        for catch_up in catch_ups:
            catch_up.catch_up_id += news.__name__
        real.hear("notify.triggers", *map(real.event, catch_ups))
    digests = real.database.mongo["digests"]
    digests.update_many({}, {"$set": {"send_at": SystemClock().now()}})
    with role("notify", "worker", environment) as worker:
        eventually(lambda: mailbox.mails(*people))
        killed = workers(real)
        worker.kill()
        worker.wait()
    end_transactions(real.database.client, "notify")
    end_leases(real.database.mongo)
    end_claims = {"$set": {"job.due": SystemClock().now()}}
    digests.update_many({"state": "QUEUED", "job.claim": {"$ne": ""}}, end_claims)
    with role("notify", "worker", environment) as worker:
        eventually(lambda: workers(real) - killed)
        eventually(lambda: not real.rows("digests", {"state": {"$in": ["WAITING", "QUEUED"]}}))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(120) == 0
    arrived = addressees(mailbox, people)
    assert len(arrived) == len(set(arrived))
    lost = real.mails_in(DeliveryState.FAILED)
    assert {one.error for one in lost} <= {UNKNOWN}
    finished = real.mails_in(DeliveryState.DELIVERED) + lost
    assert Counter(one.person_id for one in finished) == dict.fromkeys(people, 2)
    assert set(people) == {*arrived, *(one.person_id for one in lost)}


@only_deep
def test_a_worker_killed_while_it_tells_a_run(real: World, environment: dict[str, str]) -> None:
    """Another worker notifies the remaining chunks, and each learner is notified once."""
    learners = list(names(2_000, "learner"))
    for chunk in chunks([*learners, "grace"], 500):
        real.people(*chunk)
    real.run()
    for chunk in chunks(learners, 500):
        real.enrol(*chunk)
    real.schedule(timedelta(days=2))
    real.tell(real.cancelled(timedelta(days=2)))
    with role("notify", "worker", environment) as worker:
        eventually(lambda: real.rows("broadcast_parts", {"job.claim": {"$ne": ""}}))
        killed = workers(real)
        worker.kill()
        worker.wait()
    end_transactions(real.database.client, "notify")
    end_leases(real.database.mongo)
    end_claims = {"$set": {"job.due": SystemClock().now()}}
    real.database.mongo["broadcast_parts"].update_many({}, end_claims)
    with role("notify", "worker", environment) as worker:
        eventually(lambda: workers(real) - killed)
        eventually(lambda: not real.rows("broadcasts", {"done": False}))
        eventually(lambda: not real.rows("broadcast_parts", {}))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(120) == 0
    assert real.notified() == sorted([*learners, "grace"])
