"""The window of publications, under everything that a broker may answer."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.unconfirmed import UnconfirmedPublishes

Row = dict[str, Any]


def row(key: str, sequence: int, kind: str = "a") -> Row:
    return {"_id": f"{key}-{sequence}", "key": key, "sequence": sequence, "type": kind}


def send_all(unconfirmed: UnconfirmedPublishes[int], rows: list[Row]) -> None:
    for each in rows:
        assert unconfirmed.has_room(each)
        unconfirmed.send(each, 0)


def proven(unconfirmed: UnconfirmedPublishes[int], kind: str = "a") -> None:
    """A first event of a type, confirmed."""
    unconfirmed.send(row("first", 1, kind), 0)
    unconfirmed.settle(unconfirmed._sent, False, True)
    unconfirmed.take_outcome()


def test_it_is_full_at_its_size() -> None:
    """No more than its size is in flight; a confirm makes room."""
    unconfirmed = UnconfirmedPublishes[int](2)
    proven(unconfirmed)
    send_all(unconfirmed, [row("k", 1), row("k", 2)])
    assert not unconfirmed.has_room(row("k", 3))
    unconfirmed.settle(2, False, True)
    assert unconfirmed.has_room(row("k", 3))


def test_many_can_be_confirmed_at_once() -> None:
    """`multiple` confirms all up to a tag, and returns when each was sent."""
    unconfirmed = UnconfirmedPublishes[int]()
    proven(unconfirmed)
    for number in range(1, 6):
        unconfirmed.send(row("k", number), number)
    assert unconfirmed.settle(4, False, True) == [3]
    assert unconfirmed.settle(5, True, True) == [1, 2, 4]
    assert not unconfirmed.is_empty
    assert unconfirmed.settle(6, True, True) == [5]
    assert unconfirmed.is_empty
    assert unconfirmed.take_outcome().confirmed == ["k-3", "k-1", "k-2", "k-4", "k-5"]
    assert not unconfirmed.take_outcome()


def test_an_aggregate_waits_for_the_first_of_a_type() -> None:
    """While it is open whether a queue takes a type, its aggregate waits, and no other."""
    unconfirmed = UnconfirmedPublishes[int]()
    unconfirmed.send(row("k", 1, "new"), 0)
    assert not unconfirmed.has_room(row("k", 2, "a"))
    assert unconfirmed.has_room(row("other", 1, "new"))
    unconfirmed.send(row("other", 1, "new"), 0)
    unconfirmed.settle(2, False, True)
    assert unconfirmed.has_room(row("k", 2, "a"))


def test_what_comes_back_blocks_its_aggregate() -> None:
    """A returned event's later ones are not sent, until it is read anew."""
    unconfirmed = UnconfirmedPublishes[int]()
    unconfirmed.send(row("k", 1), 0)
    unconfirmed.come_back("k-1")
    unconfirmed.settle(1, False, True)
    assert unconfirmed.is_blocked(row("k", 2))
    assert not unconfirmed.is_blocked(row("other", 1))
    outcome = unconfirmed.take_outcome()
    assert (outcome.returned, outcome.confirmed) == (["k-1"], [])
    unconfirmed.unblock(["k"])
    assert not unconfirmed.is_blocked(row("k", 2))


def test_a_type_that_comes_back_is_open_again() -> None:
    """When a queue is unbound meanwhile, aggregates wait again for the type's first."""
    unconfirmed = UnconfirmedPublishes[int]()
    proven(unconfirmed)
    unconfirmed.send(row("k", 1), 0)
    unconfirmed.come_back("k-1")
    unconfirmed.settle(2, False, True)
    unconfirmed.send(row("other", 1), 0)
    assert not unconfirmed.has_room(row("other", 2))


def test_what_is_refused_blocks_its_aggregate() -> None:
    """A nack is no confirm: the event stays, and so do the later ones."""
    unconfirmed = UnconfirmedPublishes[int]()
    unconfirmed.send(row("k", 1), 0)
    unconfirmed.settle(1, False, False)
    assert unconfirmed.is_blocked(row("k", 2))
    assert unconfirmed.take_outcome().refused == ["k-1"]


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
    unconfirmed, numbers = UnconfirmedPublishes[int](size), dict.fromkeys("xyz", 0)
    flight: list[tuple[int, Row]] = []
    sent: list[str] = []

    def answer() -> None:
        place = data.draw(st.integers(0, len(flight) - 1))
        tag, each = flight.pop(place)
        if not routable[each["type"]]:
            unconfirmed.come_back(each["_id"])
        unconfirmed.settle(tag, False, True)

    for key, kind in rows:
        numbers[key] += 1
        each = row(key, numbers[key], kind)
        while not unconfirmed.has_room(each):
            assert flight, "it waits for a confirm that can't come"
            answer()
        if not unconfirmed.is_blocked(each):
            unconfirmed.send(each, 0)
            sent.append(each["_id"])
            flight.append((len(sent), each))
        assert len(flight) <= size
    while flight:
        answer()
    assert unconfirmed.is_empty
    outcome = unconfirmed.take_outcome()
    assert sorted(outcome.confirmed + outcome.returned) == sorted(sent)
    for key in "xyz":
        stayed = [int(each[2:]) for each in outcome.returned if each.startswith(key)]
        passed = [int(each[2:]) for each in outcome.confirmed if each.startswith(key)]
        assert len(stayed) <= 1
        assert max(passed, default=0) < min(stayed, default=len(rows) + 1)
