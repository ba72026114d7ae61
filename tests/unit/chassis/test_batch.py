"""The consuming thread of a batch entrypoint."""

import eventlet

from chassis.batch import TURN, BatchConsumer


def test_the_batch_at_hand_goes_on_while_messages_come() -> None:
    """A socket that always holds more would not let it: eventlet switches where one must wait."""
    went_on: list[int] = []
    consumer = BatchConsumer()
    consumer._consumers = {"not": "empty"}
    for number in range(4):
        eventlet.spawn_n(went_on.append, number)
        for _ in range(TURN):
            consumer.on_iteration()
        assert went_on == list(range(number + 1))
