"""Doubles for the tests of a consumer: examples of events, and a broker and history in memory."""

import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Generic, TypeVar

from tandem_events.attempt import DELAYS, DELIVERY_LIMIT, attempt, delay_after
from tandem_events.event import PREFIX, Event, UnreadableError, read
from tandem_events.inbox import Gap, Inbox
from tandem_events.patterns import matches
from tandem_events.refilling import Wanted

T = TypeVar("T")


def example(event_type: str, sequence: int = 1, time: datetime | None = None, **data: Any) -> Event:
    """Return a new event of a type, with the catalogue's example of a body.

    `data` replaces fields of the body, by their names in JSON; subject and key follow from it.
    `time` is the instant at which it happened, now if there is none. Raises KeyError if there is no
    such type.
    """
    known = _examples()[event_type]
    body = {**known["data"], **data}
    return Event(
        id=str(uuid.uuid4()),
        type=event_type,
        source=known["source"],
        time=time or datetime.now(UTC),
        subject=body[known["subject"]],
        partition_key=":".join(body[name] for name in known["key"]),
        sequence=sequence if known["sequence"] else None,
        data=body,
    )


def disturbed(events: Sequence[Event], seed: int) -> list[Event]:
    """Return the events as a queue may deliver them: some twice, some later than those after them.

    Another seed gives another order. What a consumer ends with must be the same for all of them.
    """
    chance = random.Random(seed)
    several = [event for event in events for _ in range(chance.choice((1, 1, 2)))]
    # An event is passed by a few others, as one that waits for its next try.
    places = [place + chance.choice((0, 0, 0, 1.5, 5.5)) for place in range(len(several))]
    return [event for _, event in sorted(zip(places, several, strict=True), key=lambda at: at[0])]


def message_of(event: Event) -> tuple[dict[str, Any], bytes]:
    """Return the headers and the body with which a relay publishes an event."""
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "time": event.time.isoformat(),
        "subject": event.subject,
        "partitionkey": event.partition_key,
        **({} if event.sequence is None else {"sequence": f"{event.sequence:020d}"}),
    }
    headers = {f"{PREFIX}{name}": value for name, value in attributes.items()}
    return headers, json.dumps(event.data).encode()


@dataclass
class _Message:
    headers: Mapping[str, Any] | None
    body: bytes
    tries: int = 0
    deliveries: int = 0
    reason: str = ""


@dataclass
class _Queue:
    patterns: Sequence[str]
    ready: list[_Message] = field(default_factory=list)
    waiting: list[tuple[int, _Message]] = field(default_factory=list)
    """With the second at which its next try is."""
    dead: list[_Message] = field(default_factory=list)
    now: int = 0
    """Seconds that passed while nothing but waiting was to be done."""


class MemoryBroker:
    """An exchange with its queues, and a history, a source for `refill`."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._history: list[_Message] = []

    def publish(self, *events: Event) -> None:
        """Publish events: they come into the history, and the queues whose patterns match."""
        for event in events:
            self.publish_message(event.type, *message_of(event))

    def publish_message(self, key: str, headers: Mapping[str, Any] | None, body: bytes) -> None:
        """Publish a message, which may be no event at all."""
        self._history.append(_Message(headers, body))
        for queue in self._queues.values():
            if matches(queue.patterns, key):
                queue.ready.append(_Message(headers, body))

    def lose(self, *events: Event) -> None:
        """Let events be published that come into no queue; the history has them."""
        self._history += [_Message(*message_of(event)) for event in events]

    def forget(self) -> None:
        """Delete the history, as the broker does with what is older than 30 days."""
        self._history.clear()

    def events(self, gaps: Sequence[Gap]) -> Iterator[Event]:
        """Yield the events of these gaps that the history has, in order."""
        wanted = Wanted(gaps)
        for message in self._history:
            try:
                event = read(message.headers, message.body)
            except UnreadableError:
                continue
            if wanted.has(event.source, event.partition_key, event.sequence):
                yield event

    def _queue(self, name: str, patterns: Sequence[str]) -> _Queue:
        """Return the queue of a subscription; it is new if there is none."""
        return self._queues.setdefault(name, _Queue(patterns))


class MemorySubscriber(Generic[T]):
    """A `Subscriber` on a MemoryBroker. It has its rules, and no time passes while events wait."""

    def __init__(
        self,
        broker: MemoryBroker,
        name: str,
        patterns: Sequence[str],
        inbox: Inbox[T],
        delays: Sequence[int] = DELAYS,
    ) -> None:
        """The same as of Subscriber, with the broker instead of its URL."""
        self._broker, self._name, self._patterns = broker, name, patterns
        self._inbox, self._delays = inbox, delays
        self._stopped = False

    def declare(self) -> None:
        """Declare the queue, so that it gets what is published from now on."""
        self._queue()

    def run(self, handler: Callable[[Event, T], None]) -> None:
        """Handle events until nothing is left, neither to be tried now nor later; or until `stop`.

        Raises the inbox's error if its database fails; the event is still there then.
        """
        queue = self._queue()
        while not self._stopped and (queue.ready or queue.waiting):
            if queue.ready:
                self._deliver(queue, handler)
            else:
                self._pass_time(queue)

    def stop(self) -> None:
        """Let `run` return after the event in hand."""
        self._stopped = True

    def retry_dead(self) -> int:
        """Put the dead letters back into the queue; return how many there were."""
        queue = self._queue()
        queue.ready += [_Message(each.headers, each.body) for each in queue.dead]
        count = len(queue.dead)
        queue.dead.clear()
        return count

    def dead_reasons(self) -> list[str]:
        """Return why the dead letters are dead, the oldest first; empty for one that ended its
        process again and again.
        """
        return [each.reason for each in self._queue().dead]

    def _queue(self) -> _Queue:
        return self._broker._queue(self._name, self._patterns)

    def _deliver(self, queue: _Queue, handler: Callable[[Event, T], None]) -> None:
        message = queue.ready[0]
        message.deliveries += 1
        if message.deliveries > DELIVERY_LIMIT + 1:
            queue.dead.append(queue.ready.pop(0))
            return
        delay = delay_after(message.tries, self._delays)
        failed = attempt(message.headers, message.body, self._inbox, handler, delay)
        queue.ready.pop(0)
        if failed is None:
            return
        again = _Message(message.headers, message.body, message.tries + 1, 0, failed.reason)
        if failed.wait is None:
            queue.dead.append(again)
        else:
            queue.waiting.append((queue.now + failed.wait, again))

    def _pass_time(self, queue: _Queue) -> None:
        """Let time pass until the next try that waits."""
        queue.waiting.sort(key=lambda each: each[0])
        queue.now, message = queue.waiting.pop(0)
        queue.ready.append(message)


@cache
def _examples() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(files(__package__).joinpath("examples.json").read_text())
    return found
