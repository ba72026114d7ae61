"""Falls: told once in a while, and not of who has recovered."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.fall_news import (
    MOST,
    QUIET_FOR,
    SETTLE,
    Fall,
    by_run,
    collected,
    joined,
    kept_for,
    newest,
    told,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fall(sequence: int = 1, is_behind: bool = True, id_: str = "e") -> Fall:
    """Ada fell behind, or recovered, by an event with a sequence."""
    return Fall(id_, "r", "ada", sequence, f"event-{id_}-{sequence}", "t", is_behind)


def test_a_fall_is_told_some_minutes_later_and_not_after_a_recovery() -> None:
    """A fall that follows within these minutes does not put it off."""
    first = newest(None, fall(), NOON)
    assert first.tell_at == NOON + SETTLE
    recovered = newest(first, fall(2, is_behind=False), NOON)
    assert (recovered.tell_at, recovered.is_behind) == (None, False)
    assert newest(first, fall(3), NOON + SETTLE / 2).tell_at == NOON + SETTLE
    assert newest(recovered, fall(3), NOON + HOUR).tell_at == NOON + HOUR + SETTLE


def test_a_learner_is_told_once_in_two_weeks() -> None:
    """Of a run: who recovers and falls again hears of it only after that."""
    once = told(newest(None, fall(), NOON), NOON + SETTLE)
    assert (once.tell_at, once.told_at) == (None, NOON + SETTLE)
    back = newest(once, fall(2, is_behind=False), NOON + HOUR)
    assert newest(back, fall(3), NOON + SETTLE + QUIET_FOR - HOUR).tell_at is None
    later = NOON + SETTLE + QUIET_FOR
    assert newest(back, fall(3), later).tell_at == later + SETTLE


def test_who_teaches_is_told_of_those_who_are_still_behind() -> None:
    """The first fall sets the time; too many are counted only."""
    some = [fall(id_=f"e{number}") for number in range(MOST + 5)]
    digest = collected(None, some[:2], NOON)
    digest = collected(digest, some, NOON + HOUR)
    assert (digest.tell_at, digest.event_id) == (NOON + SETTLE, some[0].event_id)
    assert (len(digest.fall_ids), digest.more) == (MOST, 5)
    known = {"e0": some[0], "e1": replace(some[1], is_behind=False)}
    assert digest.news(known) == [some[0]]
    waiting = kept_for(digest, "grace", NOON)
    assert joined(None, waiting) == waiting
    assert joined(waiting, collected(None, [fall(id_="other")], NOON)).more == 6


@given(st.lists(st.integers(0, 4)), st.lists(st.integers(0, 4), min_size=1))
def test_what_someone_waits_for_is_joined(before: list[int], after: list[int]) -> None:
    """All falls of both, each once, for this person alone; it keeps its time and event."""
    waiting = None
    if before:
        first = collected(None, [fall(id_=f"e{number}") for number in before], NOON)
        waiting = kept_for(first, "grace", NOON)
    later = collected(None, [fall(2, id_=f"e{number}") for number in after], NOON + HOUR)
    both = joined(waiting, kept_for(later, "grace", NOON + HOUR))
    assert sorted(both.fall_ids) == sorted({f"e{number}" for number in (*before, *after)})
    assert (both.run_id, both.more, both.sequence) == ("r", 0, 0)
    assert [both.is_for(each) for each in ("grace", "alan")] == [True, False]
    assert both.tell_at == (NOON if before else NOON + HOUR) + SETTLE
    assert both.event_id == (waiting or later).event_id


def test_recoveries_are_no_falls() -> None:
    """By run: only who fell behind is collected."""
    other = replace(fall(id_="f"), run_id="q")
    assert by_run([fall(), fall(2, False, "g"), other]) == {"r": [fall()], "q": [other]}


@given(st.permutations([fall(n, is_behind=bool(n % 2)) for n in range(1, 6)]))
def test_the_newest_event_counts_in_any_order(events: list[Fall]) -> None:
    """Of falls and recoveries of one learner, whatever comes first."""
    known: Fall | None = None
    for each in events:
        known = newest(known, each, NOON)
    assert known is not None
    assert (known.sequence, known.is_behind, known.tell_at) == (5, True, NOON + SETTLE)
