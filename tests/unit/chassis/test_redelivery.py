"""Where a message goes that was not applied: delays, dead letters, and foreign headers."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging import redelivery, topology
from chassis.messaging.dispositions import Disposition, Kind
from chassis.messaging.redelivery import (
    ATTEMPTS,
    DIED_AT,
    QUEUE,
    REASON,
    WAITING_SINCE,
    Route,
    route,
)

NOW = 1_780_000_000.9
DAY = timedelta(days=1).total_seconds()
WAIT, RETRY, DEAD_LETTER = (
    Disposition(kind, "why") for kind in (Kind.WAIT, Kind.RETRY, Kind.DEAD_LETTER)
)


def sent(
    headers: dict[str, Any], disposition: Disposition, now: float = NOW, limit: float = DAY
) -> Route:
    return route(headers, disposition, "s.q", now, limit)


def course(disposition: Disposition, limit: float = DAY) -> list[str]:
    """The delays that one event passes until it is given up."""
    delays: list[str] = []
    headers: dict[str, Any] = {}
    now = NOW
    while found := sent(headers, disposition, now, limit):
        if not found.delay:
            return delays
        delays.append(found.delay.removeprefix("tandem.delay."))
        headers = dict(found.headers)
        now += float(delays[-1].removesuffix("s")) + 0.01
    return delays


def test_what_fails_passes_each_delay_once() -> None:
    """1 s, 10 s, 1 min, 10 min; then it is a dead letter."""
    assert course(RETRY) == ["1s", "10s", "60s", "600s"]


def test_what_waits_comes_back_every_ten_minutes_for_a_day() -> None:
    """1 s, 10 s, 1 min, then every 10 min; a day after the first time it is a dead letter."""
    delays = course(WAIT)
    assert delays[:4] == ["1s", "10s", "60s", "600s"]
    assert set(delays[3:]) == {"600s"}
    assert len(delays) == 3 + 144


def test_no_wait_at_all_is_a_dead_letter_at_once() -> None:
    """A limit of zero seconds lets nothing wait."""
    assert course(WAIT, limit=0) == []


def test_waits_and_failures_are_counted_apart() -> None:
    """A message that waited for hours has all its attempts when it fails, and vice versa."""
    waited = sent({WAITING_SINCE: int(NOW) - 7_000, ATTEMPTS: 3}, WAIT)
    assert (waited.delay, waited.headers[ATTEMPTS]) == ("tandem.delay.600s", 3)
    failed = sent(dict(waited.headers), RETRY)
    assert (failed.delay, failed.headers[ATTEMPTS]) == ("tandem.delay.600s", 4)
    assert failed.headers[WAITING_SINCE] == int(NOW) - 7_000


def test_a_dead_letter_says_why_and_when() -> None:
    """Reason, queue and instant; the broker's own headers are taken off, others kept."""
    found = sent({"x-death": [1], "mine": 1}, Disposition(Kind.DEAD_LETTER, "r" * 5_000))
    assert found == Route(
        "",
        {
            "mine": 1,
            ATTEMPTS: 1,
            REASON: "r" * 1_000,
            QUEUE: "s.q",
            DIED_AT: "2026-05-28T20:26:40Z",
        },
    )
    assert DIED_AT not in sent({}, RETRY).headers


@pytest.mark.parametrize(
    ("headers", "last"),
    [
        ({}, False),
        ({ATTEMPTS: 3}, False),
        ({ATTEMPTS: 4}, True),
        ({WAITING_SINCE: int(NOW - DAY) + 60}, False),
        ({WAITING_SINCE: int(NOW - DAY) - 60}, True),
    ],
)
def test_the_last_try_is_known(headers: dict[str, Any], last: bool) -> None:
    """It is the one after which there is no delay left."""
    assert redelivery.is_last(headers, NOW, DAY) is last


anything = st.one_of(
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.booleans(),
    st.none(),
    st.lists(st.none()),
)


@given(anything, anything, st.sampled_from([WAIT, RETRY, DEAD_LETTER]))
def test_whatever_a_stranger_wrote_is_bounded(
    since: Any, attempts: Any, disposition: Disposition
) -> None:
    """Any value leads to a delay that exists or to the dead letters, and to sane headers."""
    found = sent({WAITING_SINCE: since, ATTEMPTS: attempts}, disposition)
    tiers = {topology.delay_name(number) for number in range(1, len(topology.DELAYS) + 1)}
    assert found.delay in tiers | {""}
    if disposition is WAIT:
        assert NOW - DAY - 1 <= found.headers[WAITING_SINCE] <= NOW
    else:
        assert 1 <= found.headers[ATTEMPTS] <= len(topology.DELAYS) + 1
