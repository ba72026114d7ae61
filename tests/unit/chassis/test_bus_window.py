"""The window of publications, under everything that a broker may answer."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.window import Window

Row = dict[str, Any]


def row(key: str, sequence: int, kind: str = "a") -> Row:
    return {"_id": f"{key}-{sequence}", "key": key, "sequence": sequence, "type": kind}


def send_all(window: Window[int], rows: list[Row]) -> None:
    for each in rows:
        assert window.has_room(each)
        window.send(each, 0)


def proven(window: Window[int], kind: str = "a") -> None:
    """A first event of a type, confirmed."""
    window.send(row("first", 1, kind), 0)
    window.settle(window._sent, False, True)
    window.take_outcome()


def test_it_is_full_at_its_size() -> None:
    """No more than its size is in flight; a confirm makes room."""
    window = Window[int](2)
    proven(window)
    send_all(window, [row("k", 1), row("k", 2)])
    assert not window.has_room(row("k", 3))
    window.settle(2, False, True)
    assert window.has_room(row("k", 3))


def test_many_can_be_confirmed_at_once() -> None:
    """`multiple` speaks of all up to a tag, and tells when each was sent."""
    window = Window[int]()
    proven(window)
    for number in range(1, 6):
        window.send(row("k", number), number)
    assert window.settle(4, False, True) == [3]
    assert window.settle(5, True, True) == [1, 2, 4]
    assert not window.is_empty
    assert window.settle(6, True, True) == [5]
    assert window.is_empty
    assert window.take_outcome().confirmed == ["k-3", "k-1", "k-2", "k-4", "k-5"]
    assert not window.take_outcome()


def test_an_aggregate_waits_for_the_first_of_a_type() -> None:
    """While it is open whether a queue takes a type, its aggregate waits, and no other."""
    window = Window[int]()
    window.send(row("k", 1, "new"), 0)
    assert not window.has_room(row("k", 2, "a"))
    assert window.has_room(row("other", 1, "new"))
    window.send(row("other", 1, "new"), 0)
    window.settle(2, False, True)
    assert window.has_room(row("k", 2, "a"))


def test_what_comes_back_blocks_its_aggregate() -> None:
    """A returned event's later ones are not sent, until it is read anew."""
    window = Window[int]()
    window.send(row("k", 1), 0)
    window.come_back("k-1")
    window.settle(1, False, True)
    assert window.is_blocked(row("k", 2))
    assert not window.is_blocked(row("other", 1))
    outcome = window.take_outcome()
    assert (outcome.returned, outcome.confirmed) == (["k-1"], [])
    window.unblock(["k"])
    assert not window.is_blocked(row("k", 2))


def test_a_type_that_comes_back_is_open_again() -> None:
    """When a queue is unbound meanwhile, aggregates wait again for the type's first."""
    window = Window[int]()
    proven(window)
    window.send(row("k", 1), 0)
    window.come_back("k-1")
    window.settle(2, False, True)
    window.send(row("other", 1), 0)
    assert not window.has_room(row("other", 2))


def test_what_is_refused_blocks_its_aggregate() -> None:
    """A nack is no confirm: the event stays, and so do the later ones."""
    window = Window[int]()
    window.send(row("k", 1), 0)
    window.settle(1, False, False)
    assert window.is_blocked(row("k", 2))
    assert window.take_outcome().refused == ["k-1"]


ANSWERS = st.sampled_from(["ack", "ack", "ack", "nack", "return"])
ROWS = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("ab")), max_size=60)


@given(rows=ROWS, size=st.integers(1, 8), data=st.data())
def test_whatever_the_broker_answers(
    rows: list[tuple[str, str]], size: int, data: st.DataObject
) -> None:
    """Each row sent has one end; the window is never overfull; returns are never overtaken.

    The broker takes a type or does not, as long as the channel lives; it confirms in any order.
    """
    routable = {kind: data.draw(st.booleans(), label=f"{kind} is routable") for kind in "ab"}
    window, numbers = Window[int](size), dict.fromkeys("xyz", 0)
    flight: list[tuple[int, Row]] = []
    sent: list[str] = []

    def answer() -> None:
        place = data.draw(st.integers(0, len(flight) - 1))
        tag, each = flight.pop(place)
        if not routable[each["type"]]:
            window.come_back(each["_id"])
        window.settle(tag, False, True)

    for key, kind in rows:
        numbers[key] += 1
        each = row(key, numbers[key], kind)
        while not window.has_room(each):
            assert flight, "it waits for a confirm that can't come"
            answer()
        if not window.is_blocked(each):
            window.send(each, 0)
            sent.append(each["_id"])
            flight.append((len(sent), each))
        assert len(flight) <= size
    while flight:
        answer()
    assert window.is_empty
    outcome = window.take_outcome()
    assert sorted(outcome.confirmed + outcome.returned) == sorted(sent)
    for key in "xyz":
        stayed = [int(each[2:]) for each in outcome.returned if each.startswith(key)]
        passed = [int(each[2:]) for each in outcome.confirmed if each.startswith(key)]
        assert len(stayed) <= 1
        assert max(passed, default=0) < min(stayed, default=len(rows) + 1)
