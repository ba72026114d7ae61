"""The outcomes of attempts to send a mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.notify.domain.enums import Channel, DeliveryState, Kind
from services.notify.domain.events import MessageDelivered, MessageFailed
from services.notify.domain.messages import (
    LIFETIME,
    UNKNOWN,
    Delivery,
    Outcome,
    SendResult,
    after_attempt,
    compose,
    has_expired,
    outcome_of,
)
from services.notify.domain.notices import Notice, Text

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
NOTICE = Notice("event", "tandem.some.thing.happened.v1", Kind.SEAT_PROMOTED, {})


def notification() -> tuple[Delivery, Delivery]:
    """The in-app and the e-mail delivery of a message."""
    whole = compose(NOTICE, "ada", (Channel.IN_APP, Channel.EMAIL), Text("t", "b"), 1, NOW)
    in_app, mail = whole.deliveries
    return in_app, replace(mail, sending=True)


def test_the_inbox_has_it_at_once() -> None:
    """A message is in the inbox when it is written; mail is queued."""
    in_app, mail = notification()
    assert (in_app.state, in_app.finished_at) == (DeliveryState.DELIVERED, NOW)
    assert (mail.state, mail.finished_at) == (DeliveryState.QUEUED, None)
    assert isinstance(outcome_of(in_app), MessageDelivered)
    assert outcome_of(mail) is None


@pytest.mark.parametrize(
    ("outcome", "state", "error", "attempts"),
    [
        (Outcome.ACCEPTED, DeliveryState.DELIVERED, "", 1),
        (Outcome.REFUSED, DeliveryState.FAILED, "why", 1),
        (Outcome.UNKNOWN, DeliveryState.FAILED, UNKNOWN, 1),
        (Outcome.PUT_OFF, DeliveryState.QUEUED, "why", 1),
        (Outcome.AWAY, DeliveryState.QUEUED, "why", 0),
    ],
)
def test_results(outcome: Outcome, state: DeliveryState, error: str, attempts: int) -> None:
    """Only a try that surely sent nothing is made again, and to find no server is no try."""
    _, mail = notification()
    after = after_attempt(mail, SendResult(outcome, "why"), NOW, most=9)
    assert (after.state, after.error, after.attempts) == (state, error, attempts)
    assert not after.sending
    assert (after.finished_at is None) == (state is DeliveryState.QUEUED)


def test_the_last_try_gives_up() -> None:
    """After the last attempt the mail is given up, and an event says why."""
    _, mail = notification()
    after = after_attempt(replace(mail, attempts=2), SendResult(Outcome.PUT_OFF, "full"), NOW, 3)
    failed = outcome_of(after)
    assert isinstance(failed, MessageFailed)
    assert failed.reason == "given up after 3 tries: full"


@pytest.mark.parametrize(("late", "expired"), [(timedelta(0), False), (timedelta(seconds=1), True)])
def test_mail_expires(late: timedelta, expired: bool) -> None:
    """Mail that was queued more than five days ago is not sent."""
    _, mail = notification()
    assert has_expired(mail, NOW + LIFETIME + late) is expired
