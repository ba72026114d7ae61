"""Rules of resyncs: ids, counts, digests."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from chassis import ids
from chassis.resync.digests import digest
from chassis.resync.resyncs import Resync, ResyncCount, ResyncState
from chassis.resync.sender import Outcome
from chassis.resync.sources import event_id
from chassis.resync.work import ended, sent

TEXT = st.text(max_size=5)
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
BEGUN = Resync(
    id="r", subscription="notify.people", kinds=("people",), requested_by="o", started_at=NOW
)


@given(kind=TEXT, key=TEXT, sequence=st.integers(1, 2**63 - 1), part=TEXT)
def test_an_id_is_the_same_only_for_the_same_state_in_the_same_resync(
    kind: str, key: str, sequence: int, part: str
) -> None:
    """So what a killed worker sent is a repeat; a later state, another part of the state, and
    another resync are not.
    """
    one, other = ids.new_id(), ids.new_id()
    made = event_id(one, kind, key, sequence, part)
    assert made == event_id(one, kind, key, sequence, part)
    assert made not in {
        event_id(other, kind, key, sequence, part),
        event_id(one, kind, key, sequence + 1, part),
        event_id(one, kind, key, sequence, f"{part}+"),
    }


def test_pages_add_up_and_returned_types_do_not_count() -> None:
    """The broker confirms what it returns, too."""
    first = sent(BEGUN, Outcome(Counter({"a": 2, "b": 3}), {"b"}))
    second = sent(first, Outcome(Counter({"a": 5}), set()))
    assert second.sent == (ResyncCount("a", 7),)
    assert second.not_taken == ("b",)
    assert ended(second).state is ResyncState.DONE


def test_a_resync_is_refused_only_if_all_of_it_came_back() -> None:
    """A service that has nothing yet has nothing to send."""
    assert ended(BEGUN).state is ResyncState.DONE
    returned = sent(BEGUN, Outcome(Counter({"b": 3}), {"b"}))
    assert ended(returned).state is ResyncState.REFUSED
    assert "'notify.people' takes no resync of b, and" in ended(returned).reason


VALUES = st.one_of(
    st.none(), TEXT, st.booleans(), st.lists(TEXT, max_size=2), st.datetimes(timezones=st.just(UTC))
)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_a_digest_depends_on_the_values_and_not_on_their_order(fields: dict[str, object]) -> None:
    """What is empty is the same as what is absent; another value is another digest."""
    names = list(fields)
    made = digest(names, [fields[name] for name in names])
    assert made == digest(names[::-1], [fields[name] for name in names[::-1]])
    assert made == digest([*names, "new"], [*(fields[name] for name in names), ""]) or (
        "new" in names
    )
    assert made != digest([*names, "new"], [*(fields[name] for name in names), "x"])


def test_an_instant_has_one_digest_in_all_zones() -> None:
    """MongoDB stores milliseconds; drivers may give them any zone."""
    there = NOW.astimezone(timezone(timedelta(hours=5)))
    assert digest(["at"], [NOW]) == digest(["at"], [there])
