"""Which news of a path a learner hears: openings, and dues that changed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.enums import Kind
from services.notify.domain.notices import About, Notice
from services.notify.domain.path_news import (
    LEAST,
    SETTLE,
    DueDigest,
    DueMove,
    collected,
    opened_news,
    told,
)
from services.notify.domain.people import Path, Run
from services.notify.domain.standing import Known, Standing, standing

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY, TUESDAY, FRIDAY = NOW + 7 * DAY, NOW + 8 * DAY, NOW + 11 * DAY
Due = datetime | None


def move(
    old: Due, new: Due, sequence: int = 1, cause: str = "PATH_PUBLISHED", **more: Any
) -> DueMove:
    """The change of the essay's due."""
    return DueMove("essay", "Essay", old, new, cause, sequence, **more)


def heard(*moves: DueMove, known: DueDigest | None = None, now: datetime = NOW) -> DueDigest:
    """The digest after an event for each of these changes."""
    for each in moves:
        sequence = each.sequence
        event = DueDigest("e", "r", "ada", sequence, f"event-{sequence}", "t", (each,))
        known = collected(known, event, now)
    assert known is not None
    return known


def test_live_classes_do_not_open() -> None:
    """Reminders tell them; of others the titles are told, or the id that the path does not have."""
    path = Path("r", {"essay": "Essay", "class": "Class"}, classes=("class",))
    assert opened_news(path, ["class", "essay", "new"]) == ["Essay", "new"]
    assert opened_news(path, ["class"]) == []
    assert opened_news(None, ["essay"]) == ["essay"]


@pytest.mark.parametrize(
    ("change", "is_news"),
    [
        (move(MONDAY, TUESDAY), True),
        (move(TUESDAY, MONDAY), True),
        (move(MONDAY, None), True),
        (move(None, MONDAY), True),
        (move(MONDAY, NOW - DAY), True),
        (move(MONDAY, MONDAY + LEAST), True),
        (move(MONDAY, MONDAY + LEAST - timedelta(seconds=1)), False),
        (move(NOW - DAY, NOW), False),
        (move(NOW, None), False),
        (move(MONDAY, TUESDAY, cause="ENROLMENT"), False),
        (move(MONDAY, TUESDAY, cause="EXTENSION", cause_activity_id="essay"), False),
        (move(MONDAY, TUESDAY, cause="EXTENSION", cause_activity_id="book"), True),
        (move(None, MONDAY, cause="SESSION_SCHEDULED"), False),
        (move(MONDAY, TUESDAY, cause="SESSION_SCHEDULED"), True),
        (move(MONDAY, TUESDAY, cause="SESSION_MOVED"), True),
        (move(MONDAY, TUESDAY, cause="OF A NEWER VERSION"), True),
    ],
)
def test_what_is_news(change: DueMove, is_news: bool) -> None:
    """A due is told that moved by an hour or more and is or was to come, unless the learner has
    heard of it by DueExtended, has just enrolled, or the due came with the plan.
    """
    digest = heard(change)
    assert bool(digest.news(NOW)) is is_news
    assert digest.tell_at == (NOW + SETTLE if is_news else None)


def test_a_due_that_changed_back_is_not_told() -> None:
    """Whatever it was in between; what is left is told from what the learner knows."""
    there = heard(move(MONDAY, FRIDAY, 1))
    assert heard(move(FRIDAY, MONDAY, 2), known=there).tell_at is None
    on = heard(move(FRIDAY, TUESDAY, 2), known=there)
    (left,) = on.news(NOW)
    assert (left.known, left.due, on.event_id) == (MONDAY, TUESDAY, "event-2")


def test_a_due_that_is_gone_and_planned_again_is_told() -> None:
    """Only the first plan is no news: the learner was told that there is no deadline."""
    gone = heard(move(None, TUESDAY, 1, "SESSION_SCHEDULED"), move(TUESDAY, None, 2))
    for known in (gone, told(gone, NOW), told(told(gone, NOW), FRIDAY)):
        assert heard(move(None, FRIDAY, 3, "SESSION_SCHEDULED"), known=known).news(NOW)


def test_the_first_change_sets_when_all_are_told() -> None:
    """Many changes do not put the message off."""
    later = NOW + SETTLE / 2
    digest = heard(move(TUESDAY, FRIDAY, 2), known=heard(move(MONDAY, TUESDAY, 1)), now=later)
    assert digest.tell_at == NOW + SETTLE


def test_small_changes_add_up() -> None:
    """A due that moves by forty minutes twice is told at the second time."""
    step = timedelta(minutes=40)
    digest = heard(move(MONDAY, MONDAY + step, 1))
    assert digest.tell_at is None
    (left,) = heard(move(MONDAY + step, MONDAY + 2 * step, 2), known=digest).news(NOW)
    assert (left.known, left.due) == (MONDAY, MONDAY + 2 * step)


def test_news_are_listed_by_due() -> None:
    """The earliest first, dues that are gone last."""
    days = {"a": FRIDAY, "b": None, "c": TUESDAY}
    moves = (replace(move(MONDAY, due), activity_id=each) for each, due in days.items())
    assert [each.activity_id for each in heard(*moves).news(NOW)] == ["c", "a", "b"]


@given(
    st.lists(st.sampled_from([None, MONDAY, TUESDAY, FRIDAY]), min_size=2, max_size=8), st.data()
)
def test_what_is_told_leads_to_what_holds(dues: Sequence[Due], data: st.DataObject) -> None:
    """Whenever it is told between the changes, each message begins where the last one ended, and
    after the last one the learner knows what holds; repeats and older events change nothing.
    """
    digest, knows = None, dues[0]
    changes = [move(*pair, number) for number, pair in enumerate(pairwise(dues), 1)]
    for each in changes:
        digest = heard(each, known=digest)
        assert heard(data.draw(st.sampled_from(changes[: each.sequence])), known=digest) == digest
        if data.draw(st.booleans()) or each is changes[-1]:
            for left in digest.news(NOW):
                assert left.known == knows != left.due
                knows = left.due
            digest = told(digest, NOW)
            assert digest.news(NOW) == []
    assert knows == dues[-1]


def test_dues_that_are_past_are_forgotten() -> None:
    """So a learner's digest does not grow with the years."""
    digest = told(heard(move(MONDAY, TUESDAY)), NOW + SETTLE)
    assert len(digest.moves) == 1
    again = heard(replace(move(None, FRIDAY, 2), activity_id="book"), known=digest, now=MONDAY)
    assert [each.activity_id for each in told(again, TUESDAY).moves] == ["book"]


def message(digest: DueDigest, *activity_ids: str) -> Notice:
    """The notice of dues that changed."""
    about = About(
        Kind.DUES_CHANGED,
        end_time=TUESDAY,
        sequence=digest.sequence,
        enrolment_id=digest.id,
        activity_ids=activity_ids,
    )
    return Notice("event-1", "t", Kind.DUES_CHANGED, {}, about, "r")


def test_a_message_is_overtaken_by_newer_news_of_all_its_dues() -> None:
    """That waits, or was told; a change that is no news, or of some dues, overtakes nothing."""
    digest = told(heard(move(MONDAY, TUESDAY)), NOW)

    def found(known: DueDigest | None, *activity_ids: str, now: datetime = NOW) -> Standing:
        digests = {known.id: known} if known else {}
        return standing(message(digest, *activity_ids), Known({}, {}, {}, {}, digests=digests), now)

    assert found(None, "essay") is Standing.STANDS
    assert found(digest, "essay") is Standing.STANDS
    late = heard(move(TUESDAY, TUESDAY + HOUR / 2, 2), known=digest)
    assert found(late, "essay") is Standing.STANDS
    back = heard(move(TUESDAY, MONDAY, 2), known=digest)
    assert found(back, "essay") is Standing.OVERTAKEN
    assert found(told(back, NOW), "essay") is Standing.OVERTAKEN
    assert found(back, "essay", "book") is Standing.STANDS
    assert found(digest, "essay", now=TUESDAY) is Standing.OVER


def test_an_opening_is_over_with_the_run() -> None:
    """Then it is not told at all."""
    notice = Notice("e", "t", Kind.ACTIVITIES_OPENED, {}, About(Kind.ACTIVITIES_OPENED), "r")
    for closed_at, expected in ((None, Standing.STANDS), (NOW, Standing.OVER)):
        known = Known({}, {}, {"r": Run("r", "Physics", closed_at=closed_at)}, {})
        assert standing(notice, known, NOW) is expected
    assert notice.rule.lapses
