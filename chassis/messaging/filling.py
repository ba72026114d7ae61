"""Filling the history, so that the broker deletes what is old on a quiet installation, too.

RabbitMQ deletes whole segments of a stream, never the newest, and looks only when it begins a new
one (osiris, `osiris_log:trigger_retention_eval`). Where few events are published, a segment would
last for months. So whoever fills the history sees to it that each `SPAN` has the bytes of a whole
segment: the broker then begins one within it. A message is deleted when its segment's last message
has the greatest age and a new segment begins: at most the greatest age and two spans after it was
published (docs/decisions/0097-old-events-leave-the-history.md).

What is written is counted by reading it back, so a filler that died, two at once, and a start at
any time do no harm. Fillers are no events: `Message.is_filler` tells them.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pika
import structlog

from chassis import ids
from chassis.contracts import cloudevents
from chassis.messaging import amqp_pika, history, topology
from chassis.operations import metrics

SPAN = timedelta(days=1)
# A look reads what was published in a span, up to a segment: not more often.
MOST_OFTEN = timedelta(hours=1)
# Bytes of a filler: small, because a reader may hold some hundred of them.
SIZE = 64 * 1024
# Seconds. A broker that is short of disk or memory takes no messages, it may be for long.
BLOCKED = 30.0
# The oldest messages that are looked at: one of a stranger does not say when it was made.
OLDEST = 100

log = structlog.get_logger()


class Filler:
    """Fills the history of one broker."""

    def __init__(
        self,
        amqp_url: str,
        every: timedelta,
        check: Callable[[], None],
        segment: int = topology.SEGMENT,
    ) -> None:
        """`every`: how often `fill` is called, up to `SPAN`; `check` raises if it may not go on;
        `segment`: the bytes of the stream's segments.
        """
        self._amqp_url, self._check, self._segment = amqp_url, check, segment
        self._every = max(every, MOST_OFTEN)
        self._rests_until = 0.0

    def fill(self) -> None:
        """Report how old the history's oldest message is, and fill the history, if it is time.

        One that is younger than a span needs no filler. Raises pika.exceptions.AMQPError, and what
        `check` raises; it may be called again at once.
        """
        if time.monotonic() < self._rests_until:
            return
        begun = time.monotonic()
        # The next look is `every` later, so this one has to see to the rest of the span only.
        since = datetime.now(UTC) - (SPAN - self._every)
        report_oldest(made_at := oldest(self._amqp_url))
        if made_at is not None and made_at < since.timestamp():
            fill(self._amqp_url, since, self._segment, self._check)
        self._rests_until = begun + self._every.total_seconds()


def fill(amqp_url: str, since: datetime, segment: int, check: Callable[[], None]) -> None:
    """Publish as many bytes as are missing for a segment since an instant.

    Raises pika.exceptions.AMQPError, and what `check` raises before each message.
    """
    # The broker looks whether a segment is full before it writes what comes next.
    missing = segment + SIZE - _written(amqp_url, since, segment + SIZE)
    if missing <= 0:
        return
    parameters = amqp_pika.parameters(amqp_url)
    parameters.blocked_connection_timeout = BLOCKED
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for body in _bodies(missing):
            check()
            channel.basic_publish("", topology.HISTORY, body, _properties(), mandatory=True)
    log.info("filled the history", bytes=missing)


def oldest(amqp_url: str) -> float | None:
    """Return when the oldest message of the history was made, in Unix seconds; None if it is empty.

    Raises pika.exceptions.AMQPError.
    """
    found = history.messages(amqp_url, "first", history.last_offset(amqp_url))
    return min((each.made_at for each in islice(found, OLDEST)), default=None)


def report_oldest(made_at: float | None) -> None:
    """Report how old the oldest message of the history is; None: there is none."""
    metrics.HISTORY_AGE_SECONDS.set_function(
        lambda: 0.0 if made_at is None else max(0.0, time.time() - made_at)
    )


def _written(amqp_url: str, since: datetime, enough: int) -> int:
    """Return how many bytes of bodies were published since an instant, or at least `enough`.

    On the disk they take more. Messages made before it are not counted (the first chunk comes as a
    whole), and none that does not say when it was made, or says a later time than now.
    """
    total, now = 0, time.time()
    for message in history.messages(amqp_url, since, history.last_offset(amqp_url)):
        if since.timestamp() <= message.made_at < now:
            total += len(message.body)
        if total >= enough:
            break
    return total


def _bodies(size: int) -> Iterator[bytes]:
    for start in range(0, size, SIZE):
        yield bytes(min(SIZE, size - start))


def _properties() -> pika.BasicProperties:
    headers = {history.FILLER: True, f"{cloudevents.PREFIX}id": ids.new_id()}
    return pika.BasicProperties(delivery_mode=topology.PERSISTENT, headers=headers)
