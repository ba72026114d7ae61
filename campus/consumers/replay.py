"""Sends events of the history and the archive again, to one consumer's queue alone.

A stream has no rights by type, so a consumer can't read the history itself. The state of a replay
is a message in a queue of the consumer, after each batch of confirmed events. Whoever is killed in
between sends some events of the batch once more, and leaves none out.

A batch is a transaction of AMQP (0-9-1, section 1.9): the broker answers the commit once it has all
of it, as it would confirm each (rabbit_channel). So one answer is waited for, not 200.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from campus.consumers.accounts import Names
from campus.consumers.errors import QueueRemoved, UnfinishedReplay
from campus.consumers.locks import locked
from campus.consumers.patterns import matches
from campus.consumers.replay_state import State, read, write
from chassis.archive import reading
from chassis.archive.archive import Archive
from chassis.archive.layout import Span
from chassis.contracts import cloudevents
from chassis.contracts.cloudevents import MalformedError
from chassis.messaging import resending, topology
from chassis.messaging.history import Message
from chassis.messaging.queue_figures import Unanswered, figures

REPLAY = "x-tandem-replay"
"""The header by which a consumer knows an event that is sent again; its value is `since`."""
BATCH = 200
"""Events between two states."""
BATCH_BYTES = 8 * 2**20
"""Of their bodies: the broker keeps them until the commit."""
READ = 10_000
"""Messages of the history between two states, however few of them are sent."""
MOST_TYPES = 1_000
"""Types whose choice is remembered; there are about a hundred."""
ROOM = 1_000
"""Events that may wait in the queue before a batch. Even the largest, of 256 KiB, fill less of the
queue than its smallest limit."""
PAUSE = 0.2
PATIENCE = 30.0
"""Seconds that a full queue is waited for with the history open: the broker ends a connection that
answers no heartbeat."""
SHOWING = 1.0
"""Seconds. Who looks at the state (`state_of`) has it for a moment; then the queue is empty."""
SERVICE = 500
"""Messages that are read between two looks at the connection to which nothing is sent."""


@dataclass
class _Job:
    """A replay that runs."""

    connection: BlockingConnection
    channel: BlockingChannel
    names: Names
    state: State
    said: Callable[[State], None]
    sent: int = 0
    """Events of the batch at hand, and the bytes of their bodies."""
    size: int = 0
    returned: list[str] = field(default_factory=list)
    """Queues that the broker does not have."""

    def open(self) -> None:
        """Begin to send."""
        self.channel.tx_select()
        self.channel.add_on_return_callback(
            lambda _, method, *__: self.returned.append(method.routing_key)
        )

    @property
    def is_whole(self) -> bool:
        """Whether the batch at hand has enough events."""
        return self.sent >= BATCH or self.size >= BATCH_BYTES

    def save(self) -> None:
        """End the batch, and keep the state once the broker has all of it."""
        self._commit()
        kept = pika.BasicProperties(delivery_mode=topology.PERSISTENT)
        self._publish(self.names.replay, write(self.state), kept)
        self._commit()
        self.sent = self.size = 0
        self.said(self.state)

    def send(self, message: Message, kind: str) -> None:
        """Send an event to the consumer, as a part of the batch at hand."""
        attributes = {
            name: value
            for name, value in message.headers.items()
            if name.startswith(cloudevents.PREFIXES)
        }
        described = {
            "content_type": message.content_type,
            "message_id": cloudevents.raw(attributes)["id"],
            "type": kind,
        }
        properties = pika.BasicProperties(
            delivery_mode=topology.PERSISTENT,
            headers={**resending.headers(attributes), REPLAY: self.state.since.isoformat()},
            **resending.properties(described),
        )
        self._publish(self.names.queue, message.body, properties)
        self.sent, self.size = self.sent + 1, self.size + len(message.body)

    def _publish(self, queue: str, body: bytes, properties: pika.BasicProperties) -> None:
        self.channel.basic_publish("", queue, body, properties, mandatory=True)

    def _commit(self) -> None:
        self.channel.tx_commit()
        self.connection.process_data_events(0)  # what came back did so before the answer
        if self.returned:
            raise QueueRemoved(f"the queue {self.returned[0]} was removed; nothing more is sent")

    def is_full(self) -> bool:
        """Return whether the consumer has enough to do."""
        try:
            found = figures(self.connection, self.names.queue)
        except Unanswered:
            return True  # so is the broker
        if found is None:
            raise QueueRemoved(f"the queue {self.names.queue} was removed; nothing more is sent")
        return found.ready >= ROOM

    def wait(self, seconds: float) -> bool:
        """Wait for so long until the queue has room; return whether it has."""
        while self.is_full():
            if seconds <= 0:
                return False
            self.connection.sleep(PAUSE)
            seconds -= PAUSE
        return True


def replay(
    amqp_url: str,
    archive: Archive | None,
    names: Names,
    patterns: Collection[str],
    wanted: State,
    anew: bool = False,
    said: Callable[[State], None] = lambda _: None,
) -> State:
    """Send the events of `patterns` that were made in a span to a consumer's queue, in the order of
    the history, and return the state at the end.

    An unfinished replay of the same span goes on, unless it is to begin `anew`. `said` gets each
    state. The queue never has more than `ROOM` events and a batch because of it. Raises
    UnfinishedReplay if one of another span has not ended, Busy while another one runs,
    QueueRemoved, chassis.archive.store.StoreAway and pika.exceptions.AMQPError; a repeat goes on.
    """
    with locked(amqp_url, f"{names.replay}.lock") as connection:
        channel = connection.channel()
        job = _Job(connection, channel, names, _begin(channel, names, wanted, anew), said)
        job.open()
        job.save()
        takes = lru_cache(MOST_TYPES)(partial(_takes, patterns))
        while not _reads_to_the_end(job, amqp_url, archive, takes):
            job.wait(float("inf"))
        job.state = replace(job.state, done=True)
        job.save()
        return job.state


def state_of(amqp_url: str, names: Names) -> State | None:
    """Return the state of the consumer's last replay; None if there was none."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        return _peek(connection.channel(), names)


def _begin(channel: BlockingChannel, names: Names, wanted: State, anew: bool) -> State:
    found = _peek(channel, names)
    if found is None:
        channel.connection.sleep(SHOWING)
        found = _peek(channel, names)
    if found is None or found.done or anew:
        return wanted
    if found.since != wanted.since or (wanted.is_bounded and found.until != wanted.until):
        raise UnfinishedReplay(
            f"the replay since {found.since.isoformat()} until {found.until.isoformat()} has not"
            " ended: give the same --since to go on with it, or --anew to forget it"
        )
    return found


def _peek(channel: BlockingChannel, names: Names) -> State | None:
    """Return the state, which stays in its queue."""
    method, _, body = channel.basic_get(names.replay)
    if method is None:
        return None
    channel.basic_reject(method.delivery_tag, requeue=True)
    return read(body)


def _reads_to_the_end(
    job: _Job, amqp_url: str, archive: Archive | None, takes: Callable[[str], bool]
) -> bool:
    """Send on from the state's place; return False if the queue stays full for long."""
    place = job.state.since if job.state.place is None else job.state.place
    passed = 0
    for each in reading.messages(amqp_url, archive, place):
        if job.is_whole or passed >= READ:
            job.save()
            passed = 0
            if not job.wait(PATIENCE):
                return False
        if isinstance(each, Span):
            job.state = job.state.missed(each)
            continue
        _send(job, each, takes)
        passed += 1
        if passed % SERVICE == 0:
            job.connection.process_data_events(0)
    return True


def _send(job: _Job, message: Message, takes: Callable[[str], bool]) -> None:
    """Send a message if the consumer gets it."""
    if message.is_filler:
        job.state = job.state.passed(message.offset)
        return
    within = job.state.since.timestamp() <= message.made_at < job.state.until.timestamp()
    try:
        if message.error:
            raise MalformedError(message.error)
        kind = cloudevents.read(message.headers, message.content_type).type
    except MalformedError:
        job.state = job.state.passed(message.offset, unreadable=1)
        return
    is_sent = within and takes(kind)
    if is_sent:
        job.send(message, kind)
    job.state = job.state.passed(message.offset, sent=int(is_sent))


def _takes(patterns: Collection[str], kind: str) -> bool:
    return any(matches(each, kind) for each in patterns)
