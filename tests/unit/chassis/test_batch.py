"""The consuming thread of a batch entrypoint."""

from typing import cast

import eventlet

from chassis.messaging.batch import (
    SIZE,
    YIELD_EVERY,
    BatchConsumer,
    BatchEntrypoint,
    Fixed,
    OpenQueue,
    Taken,
)


def test_the_batch_at_hand_goes_on_while_messages_come() -> None:
    """A socket that always holds more would not let it: eventlet switches where one must wait."""
    went_on: list[int] = []
    consumer = BatchConsumer()
    consumer._consumers = {"not": "empty"}
    for number in range(4):
        eventlet.spawn_n(went_on.append, number)
        for _ in range(YIELD_EVERY):
            consumer.on_iteration()
        assert went_on == list(range(number + 1))


def test_what_the_socket_holds_joins_the_next_batch() -> None:
    """A batch that ended lets it come first, up to a whole batch, and waits for nothing more."""
    entrypoint = BatchEntrypoint("queue", Fixed("queue"))
    held = 3 * SIZE

    def read() -> None:
        nonlocal held
        while held:
            for _ in range(YIELD_EVERY):
                entrypoint._pending.append(Taken(None, cast(OpenQueue, None)))
                held -= 1
            eventlet.sleep()

    eventlet.spawn_n(read)
    entrypoint._take_in()
    assert SIZE <= len(entrypoint._pending) <= SIZE + 2 * YIELD_EVERY
    held = YIELD_EVERY
    entrypoint._pending.clear()
    entrypoint._take_in()
    assert len(entrypoint._pending) == YIELD_EVERY
