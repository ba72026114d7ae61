"""Counts the events of the exchange in a queue of its own, as any other system can."""

import threading
from collections import Counter

from campus.demo.errors import DemoError
from chassis.messaging import amqp_pika

EXCHANGE = "tandem.events"


class Tally:
    """Counts events by type while it is open."""

    def __init__(self, amqp_url: str) -> None:
        self._amqp_url = amqp_url
        self._seen: Counter[str] = Counter()
        self._returned: Counter[str] = Counter()
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Tally":
        self._thread.start()
        if not self._ready.wait(10):
            raise DemoError("the broker did not give the demo a queue within 10 s")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def new_events(self) -> Counter[str]:
        """Return how many events of each type came since the last call."""
        seen = Counter(self._seen)
        new = seen - self._returned
        self._returned = seen
        return new

    def count(self, name: str) -> int:
        """Return how many events of one type came so far; `name` without `tandem.` and `.v1`."""
        return self._seen[f"tandem.{name}.v1"]

    def _listen(self) -> None:
        with amqp_pika.connected(self._amqp_url) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, EXCHANGE, "#")
            self._ready.set()
            for method, _, _ in channel.consume(queue, auto_ack=True, inactivity_timeout=0.1):
                if method:
                    self._seen[method.routing_key] += 1
                if self._stop.is_set():
                    return
