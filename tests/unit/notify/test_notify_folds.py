"""The rule of folds: which urgent changes of a person's classes come as one mail."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain.enums import Category, Channel, DeliveryState
from services.notify.domain.folds import LOOK_BACK, WINDOW, can_fold, fold_end, taken_along
from services.notify.domain.messages import Delivery, delivered

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)

change = Delivery(
    id="d0",
    message_id="m0",
    person_id="p",
    channel=Channel.EMAIL,
    state=DeliveryState.QUEUED,
    queued_at=START,
    event_id="e0",
    event_type="tandem.sessions.session.cancelled.v1",
    category=Category.SESSION,
    urgent=True,
)
arrivals = st.lists(
    st.tuples(st.integers(0, 90), st.integers(1, 3), st.booleans()), min_size=1, max_size=12
)
"""Seconds since the one before; how many arrive; whether what is queued was sent before them."""


class Person:
    """The mails of one person: what was sent when, by the rule."""

    def __init__(self) -> None:
        self.now = START
        self.mails: dict[str, Delivery] = {}

    def arrive(self, count: int) -> None:
        """Let changes arrive now."""
        since = self.now - LOOK_BACK
        earlier = [each for each in self.mails.values() if each.queued_at > since]
        first = len(self.mails)
        new = [
            replace(change, id=f"d{number}", queued_at=self.now)
            for number in range(first, first + count)
        ]
        self.mails |= {each.id: each for each in new}
        if end := fold_end(earlier, count, self.now):
            for each in [*new, *taken_along(earlier, end)]:
                waits = replace(each, state=DeliveryState.WAITING, digest_id=str(end), send_at=end)
                self.mails[each.id] = waits

    def go_on(self, seconds: int, sends: bool) -> None:
        """Let time pass. Folds are sent when they end; what is queued, if the server is free."""
        self.now += seconds * SECOND
        for each in list(self.mails.values()):
            is_due = each.send_at is not None and each.send_at <= self.now
            if is_due or (sends and each.state is DeliveryState.QUEUED):
                self.mails[each.id] = delivered(each, max(each.send_at or each.queued_at, START))


@settings(max_examples=100)
@given(arrivals)
def test_no_change_is_lost_or_told_twice_or_waits_longer(
    steps: list[tuple[int, int, bool]],
) -> None:
    """Each change is in one mail, alone or of a fold, at the latest a window after it came."""
    person = Person()
    for seconds, count, sends in steps:
        person.go_on(seconds, sends)
        person.arrive(count)
    person.go_on(int(WINDOW / SECOND), sends=True)
    assert len(person.mails) == sum(count for _, count, _ in steps)
    for each in person.mails.values():
        assert each.state is DeliveryState.DELIVERED
        assert each.due_since - each.queued_at <= WINDOW
        assert each.finished_at is not None


@settings(max_examples=100)
@given(arrivals)
def test_a_person_gets_one_mail_in_a_window(steps: list[tuple[int, int, bool]]) -> None:
    """If the server takes mail at once, the mails to one person are at least a window apart."""
    person = Person()
    for seconds, count, _ in steps:
        person.go_on(seconds, sends=True)
        person.arrive(count)
    person.go_on(int(WINDOW / SECOND), sends=True)
    told = {each.digest_id or each.id: each.due_since for each in person.mails.values()}
    instants = sorted(told.values())
    assert all(later - earlier >= WINDOW for earlier, later in pairwise(instants))


def test_a_change_that_is_alone_is_sent_at_once() -> None:
    """Also when the last mail is a window ago."""
    assert fold_end([], 1, START) is None
    assert fold_end([delivered(change, START)], 1, START + WINDOW) is None


def test_what_follows_waits_for_the_end_of_the_window() -> None:
    """And what follows that fold, for the next one."""
    sent = delivered(change, START)
    assert fold_end([sent], 1, START + SECOND) == START + WINDOW
    folded = replace(sent, queued_at=START + SECOND, send_at=START + WINDOW)
    assert fold_end([sent, folded], 1, START + WINDOW + SECOND) == START + 2 * WINDOW


def test_what_is_being_sent_or_was_tried_is_not_taken_along() -> None:
    """It may have been sent; what only waits in the queue is taken, if
    it does not wait too long then.
    """
    busy = [replace(change, sending=True), replace(change, attempts=1), delivered(change, START)]
    assert taken_along([*busy, change], START + WINDOW) == [change]
    assert taken_along([change], START + WINDOW + SECOND) == []


def test_only_urgent_mails_of_classes_fold() -> None:
    """No inbox, no offer of a seat, and nothing that can wait for a digest."""
    assert can_fold(change)
    others = (
        replace(change, urgent=False),
        replace(change, category=Category.SEAT),
        delivered(replace(change, channel=Channel.IN_APP), START),
    )
    assert not any(map(can_fold, others))
