"""How a batch is cut, and how many transactions find the failing events."""

import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.batch_limit import ROWS, BatchLimit
from chassis.messaging.dispositions import APPLIED, Disposition, Kind
from chassis.messaging.splitting import Splitter, cut, units
from chassis.messaging.subscriptions import DeadLetter, Subscription, Wait
from tests.unit.chassis.test_inbox_processor import TYPES, event

BATCH = [event(f"e{number}") for number in range(500)]
Events = Sequence[Any]


class Handler:
    """Counts its transactions, and does to events what a test says."""

    def __init__(self, check: Callable[[Events], None]) -> None:
        self.check, self.transactions = check, 0

    def apply(self, events: Events) -> dict[str, Disposition]:
        self.transactions += 1
        self.check(events)
        return {each.id: APPLIED for each in events}


def failing(subjects: Collection[str], error: Exception) -> Callable[[Events], None]:
    """Fails of the first event with one of some subjects."""

    def check(events: Events) -> None:
        if any(each.subject in subjects for each in events):
            raise error

    return check


def kinds(found: dict[str, Disposition]) -> dict[str, Kind]:
    names = {each.id: each.subject for each in BATCH}
    return {names[event_id]: disposition.kind for event_id, disposition in found.items()}


@given(st.lists(st.integers(0, 50)), st.integers(1, 60))
def test_parts_cost_no_more_than_they_may(costs: list[int], most: int) -> None:
    """Nothing is lost or moved; a part costs `most` at most, or holds one thing."""
    parts = list(cut(costs, lambda cost: cost, lambda: most))
    assert [cost for part in parts for cost in part] == costs
    assert all(sum(part) <= most or len(part) == 1 for part in parts)
    assert all(sum(part) + later[0] > most for part, later in itertools.pairwise(parts))


def test_a_unit_holds_a_thousand_rows_or_one_event() -> None:
    """Events are put together by what they weigh; one that is too heavy stands alone."""
    weights = {"e0": 600, "e1": 300, "e2": 200, "e3": 5_000, "e4": 0}
    subscription: Any = Subscription("s", TYPES, lambda *_: None, lambda e: weights[e.subject])
    found = [
        [each.subject for each in unit] for unit in units(subscription, BATCH[:5], BatchLimit())
    ]
    assert found == [["e0", "e1"], ["e2"], ["e3"], ["e4"]]
    assert ROWS == 1_000


@pytest.mark.parametrize("place", [0, 1, 250, 321, 499])
def test_one_that_fails_costs_some_twenty_transactions(place: int) -> None:
    """Halving 500 finds it, wherever it stands; all others are applied."""
    handler = Handler(failing({f"e{place}"}, ValueError("poison")))
    found = kinds(Splitter(handler.apply).run(BATCH))
    assert [name for name, kind in found.items() if kind is not Kind.APPLIED] == [f"e{place}"]
    assert handler.transactions <= 20


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ValueError("bug"), Kind.RETRY), (DeadLetter("no"), Kind.RETRY), (Wait("late"), Kind.WAIT)],
)
def test_where_all_fail_alike_few_transactions_say_so(error: Exception, kind: Kind) -> None:
    """Most get the failure of their group; none becomes a dead letter for another's fault."""
    handler = Handler(failing({each.subject for each in BATCH}, error))
    found = kinds(Splitter(handler.apply).run(BATCH))
    assert len(found) == 500
    assert list(found.values()).count(kind) >= 480
    assert handler.transactions <= 30


def test_on_its_last_try_an_event_is_tried_alone() -> None:
    """An event that may become a dead letter is tried without the others of its batch."""
    good = {"e300", "e499"}
    handler = Handler(failing({each.subject for each in BATCH} - good, ValueError("bug")))
    last = {each.id for each in BATCH if each.subject in {"e299", *good}}
    found = kinds(Splitter(handler.apply, last).run(BATCH))
    assert {name for name, kind in found.items() if kind is Kind.APPLIED} == good
    assert handler.transactions <= 35


def test_many_that_fail_among_good_ones_are_all_found() -> None:
    """As long as events succeed, halving continues until each failing event is alone."""
    bad = {f"e{number}" for number in range(25, 500, 50)}
    handler = Handler(failing(bad, ValueError("bug")))
    found = kinds(Splitter(handler.apply).run(BATCH))
    assert {name for name, kind in found.items() if kind is not Kind.APPLIED} == bad
    assert handler.transactions <= 2 * len(bad) * 9


def named(subjects: Collection[str]) -> Callable[[Events], None]:
    """All of some subjects wait, and are named."""

    def check(events: Events) -> None:
        waiting = {each.id: f"no {each.subject}" for each in events if each.subject in subjects}
        if waiting:
            raise Wait("late", waiting)

    return check


def test_what_waits_costs_one_more_transaction() -> None:
    """A handler that names who waits lets the others be applied in a second transaction."""
    waiting = {each.subject for each in BATCH[::2]}
    handler = Handler(named(waiting))
    found = Splitter(handler.apply).run(BATCH)
    assert {name for name, kind in kinds(found).items() if kind is Kind.WAIT} == waiting
    assert handler.transactions == 2
    assert found[BATCH[4].id] == Disposition(Kind.WAIT, "no e4")


def test_where_all_wait_one_transaction_says_so() -> None:
    """Nothing is left to be applied then."""
    handler = Handler(named({each.subject for each in BATCH}))
    assert set(kinds(Splitter(handler.apply).run(BATCH)).values()) == {Kind.WAIT}
    assert handler.transactions == 1


def test_poison_among_what_waits_is_found() -> None:
    """Those that wait are set aside, and what fails is found among the rest."""
    poison = failing({"e77"}, ValueError("poison"))
    waits = named({each.subject for each in BATCH[100:200]})

    def check(events: Events) -> None:
        poison(events)
        waits(events)

    handler = Handler(check)
    found = list(kinds(Splitter(handler.apply).run(BATCH)).values())
    assert (found.count(Kind.WAIT), found.count(Kind.RETRY)) == (100, 1)
    assert handler.transactions <= 25


def test_a_handler_that_names_one_at_a_time_is_bounded_too() -> None:
    """If nothing is applied, the remaining events wait together after about thirty tries."""

    def check(events: Events) -> None:
        raise Wait("late", [events[0].id])

    handler = Handler(check)
    assert set(kinds(Splitter(handler.apply).run(BATCH)).values()) == {Kind.WAIT}
    assert handler.transactions <= 30
