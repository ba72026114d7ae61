"""One message that can't be applied, in a batch of two hundred."""

from datetime import UTC, datetime

import pika
from tandem.progress.v1 import events_pb2, resources_pb2

from campus.platform import Platform
from campus.queues import waiting
from chassis.contracts import events
from chassis.ids import new_id
from chassis.messaging.redelivery import WAITING_SINCE
from tests.deep import only_deep
from tests.system.classes import (
    Class,
    MakeClass,
    come_to_rest,
    dead_letters,
    tandem_json,
    until,
)

QUEUE = "progress.statements"


@only_deep
def test_poison_in_a_batch_is_one_dead_letter_that_can_be_healed(
    whole: Platform, make_class: MakeClass
) -> None:
    """199 of 200 messages are applied; the last one is, by `replay`, after its cause is repaired.

    It is a statement in a run whose opening catalog has not published yet.
    """
    group = make_class(199)
    group.enrol(group.learners)
    until("the learners", lambda: group.summary().learners == 199)
    relay, worker = whole.roles["catalog-relay"], whole.roles["progress-worker"]
    relay.process.stop()
    late = make_class(1)
    late.enrol(late.learners)

    worker.process.stop()
    url = whole.environment()["TANDEM_AMQP_URL"]
    group.record(group.learners[:100])
    until("the first hundred", lambda: waiting(url, [QUEUE]) == 100)
    _publish(url, late)
    group.record(group.learners[100:])
    until("all of them", lambda: waiting(url, [QUEUE]) == 200)
    whole.restart(worker.name)

    until("the dead letter", lambda: dead_letters(whole, QUEUE) == 1)
    until("the others", lambda: group.summary().statements >= 199)
    (letter,) = tandem_json(whole, "dead-letters", "show", QUEUE)
    assert letter["reason"] == f"no run is known by the id {late.run}"

    whole.restart(relay.name)
    until("the run to be known", late.is_known)
    assert tandem_json(whole, "dead-letters", "replay", QUEUE, "--all")["done"] == 1
    come_to_rest(whole)
    assert (group.summary().statements, late.summary().statements) == (199, 1)
    assert dead_letters(whole, QUEUE) == 0


def _publish(url: str, group: Class) -> None:
    """Tell that the group's learner handed the task in; it has waited for longer than a day."""
    learner, now = group.learners[0], datetime.now(UTC)
    statement = resources_pb2.Statement(
        id=new_id(),
        learner_id=learner,
        verb="http://adlnet.gov/expapi/verbs/completed",
        run_id=group.run,
        activity_id="task",
    )
    statement.timestamp.FromDatetime(now)
    data = events_pb2.StatementsRecorded(learner_id=learner, statements=[statement])
    event: events.Event[events_pb2.StatementsRecorded] = events.Event(
        new_id(),
        events.event_type(type(data)),
        "/tandem/progress",
        now,
        learner,
        learner,
        1,
        "",
        data,
    )
    headers = {**events.headers_of(event), WAITING_SINCE: 1}
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().basic_publish(
            "", QUEUE, events.body_of(data), pika.BasicProperties(headers=headers)
        )
