"""The broker's figures of a queue, which may be late."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from chassis.messaging import partitions, queue_figures
from chassis.messaging.queue_figures import LATE, TRIES, Figures, Unanswered, figures
from chassis.messaging.queue_watch import QueueProbe


class Broker:
    """Answers with zeros where a queue is late, as RabbitMQ does; moves the clock by its time."""

    def __init__(self, answers: Sequence[tuple[float, int, int]]) -> None:
        self.now, self.asked = 0.0, 0
        self._answers: Iterator[tuple[float, int, int]] = iter(answers)

    def monotonic(self) -> float:
        return self.now

    def channel(self) -> "Broker":
        return self

    def close(self) -> None:
        pass

    def queue_declare(self, queue: str, passive: bool) -> Any:
        assert passive
        seconds, ready, consumers = next(self._answers)
        self.now += seconds
        self.asked += 1
        return SimpleNamespace(
            method=SimpleNamespace(message_count=ready, consumer_count=consumers)
        )


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """A broker with answers, by whose clock the time goes."""
    found = Broker(request.param)
    monkeypatch.setattr(queue_figures, "time", found)
    return found


@pytest.mark.parametrize(
    ("broker", "expected", "asked"),
    [
        ([(0.001, 0, 0)], Figures(0, 0), 1),
        ([(0.3, 5, 0)], Figures(5, 0), 1),
        ([(0.3, 0, 1)], Figures(0, 1), 1),
        ([(0.25, 0, 0), (0.3, 0, 0), (0.001, 7, 1)], Figures(7, 1), 3),
        ([(LATE, 0, 0), (0.001, 0, 0)], Figures(0, 0), 2),
    ],
    indirect=["broker"],
)
def test_zeros_that_came_late_are_asked_again(broker: Any, expected: Figures, asked: int) -> None:
    """A quick zero is one, and a figure is one however late."""
    assert figures(broker, "q") == expected
    assert broker.asked == asked


@pytest.mark.parametrize("broker", [[(0.3, 0, 0)] * TRIES * 2], indirect=True)
def test_a_queue_that_never_tells_is_not_taken_for_empty(broker: Any) -> None:
    """So no partition is removed that may contain events."""
    with pytest.raises(Unanswered, match="'q' does not report"):
        figures(broker, "q")
    assert not partitions.is_drained(broker, "q")


@pytest.mark.parametrize("broker", [[(0.1, 3, 0), *[(0.3, 0, 0)] * TRIES * 2]], indirect=True)
def test_a_worker_goes_on_with_the_figures_that_it_knows(broker: Any) -> None:
    """A metric does not fall to zero because the broker is busy."""
    subscription: Any = SimpleNamespace(name="late", partitioned=False)
    probe = QueueProbe(subscription, lambda _: None)
    for _ in range(2):
        probe(broker)
        value = REGISTRY.get_sample_value("tandem_dead_letters", {"queue": "late"})
        assert value == 3
