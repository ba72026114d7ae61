"""A receiver of webhooks that asks for a pause gets nothing until then."""

from datetime import timedelta

import pytest

from services.notify.domain.webhooks import TRIED_FOR
from tests.integration.notify.hooks import Hooks
from tests.integration.notify.receivers import Receiver, busy

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DATE = "date: Mon, 02 Mar 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "asked"),
    [
        (429, ("retry-after: 7200",), 2 * HOUR),
        (503, (DATE, "Retry-After: Mon, 02 Mar 2026 10:00:00 GMT"), 2 * HOUR),
        (503, ("retry-after: 99999999999999999999",), 6 * HOUR),
        (429, (DATE, "retry-after: Fri, 31 Dec 9999 23:59:59 GMT"), 6 * HOUR),
    ],
)
def test_a_pause_that_is_asked_for(
    hooks: Hooks, receiver: Receiver, status: int, headers: tuple[str, ...], asked: timedelta
) -> None:
    """In seconds or until a date, within bounds. New events wait, too, also if others arrived just
    before; then all comes, and no attempt was made in vain.
    """
    webhook = hooks.create(receiver)
    receiver.answers += [204, busy(status, *headers)]
    wanted = hooks.tell(*(hooks.world.assigned("ada") for _ in range(5)))
    hooks.send()
    begun = len(receiver.paths)
    assert 2 <= begun <= 5  # requests that other connections had begun
    wanted += hooks.tell(hooks.world.assigned("late"))
    hooks.after(asked - MINUTE)
    assert len(receiver.paths) == begun
    for _ in range(2):
        hooks.after(2 * MINUTE)
    assert sorted(receiver.ids) == sorted(wanted)
    assert hooks.listed(webhook).waiting == 0


def test_what_asks_for_nothing(hooks: Hooks, receiver: Receiver) -> None:
    """A header that is neither seconds nor a date leaves the pause of any failure."""
    hooks.create(receiver)
    for told in ("", "soon", "-5", "0", "1e9", "Mon, 99 Foo 2026", "\u00ff"):
        receiver.answers.append(busy(503, f"retry-after: {told}"))
        (event,) = hooks.tell(hooks.world.assigned("ada"))
        hooks.after(timedelta(seconds=3))
        hooks.after(timedelta(seconds=11))
        assert receiver.ids[-1] == event, told
    assert len(receiver.paths) == 2 * len(receiver.ids) == 14


def test_who_only_asks_is_given_up(hooks: Hooks, receiver: Receiver) -> None:
    """After three days an event is parked, however often the receiver asks."""
    webhook = hooks.create(receiver)
    receiver.always = busy(429, "retry-after: 86400")
    (event,) = hooks.tell(hooks.world.assigned("ada"))
    hooks.send()
    for _ in range(TRIED_FOR // (6 * HOUR)):
        hooks.after(6 * HOUR + MINUTE)
    (parked,) = hooks.deliveries(webhook, "PARKED")
    assert (parked.event_id, parked.error) == (
        event,
        "it answered with status 429, and asked for a pause",
    )
    assert len(receiver.paths) == 1 + TRIED_FOR // (6 * HOUR)
