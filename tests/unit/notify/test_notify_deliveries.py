"""What comes of a try to send a mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.events import MessageDelivered, MessageFailed
from services.notify.domain.messages import (
    LONGEST_PAUSE,
    UNKNOWN,
    Delivery,
    Outcome,
    Verdict,
    compose,
    outcome_of,
    pause,
    settled,
)
from services.notify.domain.notices import Notice, Text
from services.notify.domain.words import Channel, DeliveryState, Kind

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SYSTEM_NOW = datetime(2027, 1, 1, tzinfo=UTC)
NOTICE = Notice("event", "tandem.some.thing.happened.v1", Kind.SEAT_PROMOTED, {})


def letter() -> tuple[Delivery, Delivery]:
    """The in-app and the e-mail delivery of a message."""
    whole = compose(NOTICE, "ada", (Channel.IN_APP, Channel.EMAIL), Text("t", "b"), 1, NOW)
    in_app, mail = whole.deliveries
    return in_app, replace(mail, claim="mine", claimed_until=SYSTEM_NOW, sending=True)


def test_the_inbox_has_it_at_once() -> None:
    """In the inbox a message is delivered with its writing; mail is queued."""
    in_app, mail = letter()
    assert (in_app.state, in_app.finished_at) == (DeliveryState.DELIVERED, NOW)
    assert (mail.state, mail.finished_at) == (DeliveryState.QUEUED, None)
    assert isinstance(outcome_of(in_app), MessageDelivered)
    assert outcome_of(mail) is None


@pytest.mark.parametrize(
    ("outcome", "state", "error"),
    [
        (Outcome.ACCEPTED, DeliveryState.DELIVERED, ""),
        (Outcome.REFUSED, DeliveryState.FAILED, "why"),
        (Outcome.UNKNOWN, DeliveryState.FAILED, UNKNOWN),
        (Outcome.PUT_OFF, DeliveryState.QUEUED, "why"),
        (Outcome.AWAY, DeliveryState.QUEUED, "why"),
    ],
)
def test_verdicts(outcome: Outcome, state: DeliveryState, error: str) -> None:
    """Only a try that surely sent nothing is made again, and no try keeps its claim."""
    _, mail = letter()
    after = settled(mail, Verdict(outcome, "why"), NOW, SYSTEM_NOW, most=9)
    assert (after.state, after.error, after.attempts) == (state, error, 1)
    assert (after.claim, after.claimed_until, after.sending) == ("", None, False)
    assert after.retry_at == (
        SYSTEM_NOW + timedelta(seconds=10) if state == DeliveryState.QUEUED else None
    )


def test_the_last_try_gives_up() -> None:
    """After as many tries as there are, the mail is given up and others are told why."""
    _, mail = letter()
    after = settled(replace(mail, attempts=2), Verdict(Outcome.AWAY, "down"), NOW, SYSTEM_NOW, 3)
    failed = outcome_of(after)
    assert isinstance(failed, MessageFailed)
    assert failed.reason == "given up after 3 tries: down"


@given(st.integers(min_value=1, max_value=10_000))
def test_pauses_grow_to_a_limit(attempts: int) -> None:
    """The pause never shrinks and never exceeds its limit."""
    assert pause(1) <= pause(attempts) <= pause(attempts + 1) <= LONGEST_PAUSE
