"""How a reader of the history lets the broker go on."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from chassis import history

Delivery = tuple[Any, Any, Any]


class Channel:
    """Hands over one event, then is quiet for a while, again and again; minds the prefetch."""

    def __init__(self) -> None:
        self.acked = self.most = 0

    def basic_qos(self, prefetch_count: int) -> None:
        """As many may be unacknowledged."""
        self.most = prefetch_count

    def basic_ack(self, tag: int, multiple: bool) -> None:
        """All up to `tag`."""
        assert multiple
        self.acked = tag

    def consume(self, *_: Any, **__: Any) -> Iterator[Delivery]:
        """Ends where a real broker would hand over nothing any more."""
        tag = 0
        while tag - self.acked < self.most and tag < 3 * self.most:
            tag += 1
            properties = SimpleNamespace(headers={"x-stream-offset": tag - 1})
            yield SimpleNamespace(delivery_tag=tag), properties, b"{}"
            yield None, None, None


def test_a_slow_stream_is_followed_for_ever() -> None:
    """Quiet times between the events don't keep the reader from acknowledging them."""
    channel = Channel()
    connection = SimpleNamespace(channel=lambda: channel)
    read = [number for number, _, _ in history._deliveries(connection, "first", follow=True)]
    assert read == list(range(3 * history.PREFETCH))
