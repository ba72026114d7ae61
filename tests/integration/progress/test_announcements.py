"""Announcements of units of work that store statements (docs/decisions/0061)."""

from datetime import datetime

import pytest

from chassis.errors import NotFound, Unavailable
from services.progress.store import ProgressStore
from services.progress.store_announcements import StoringInTurn, oldest_begun, storing
from tests.integration.progress.classroom import Classroom


class Turns:
    """Units of work in turn; a test tells whether more wait."""

    def __init__(self, classroom: Classroom) -> None:
        self.clock, self.database = classroom.clock, classroom.database
        self.has_more = False
        self.in_turn = StoringInTurn(self.database, lambda: self.has_more)

    @property
    def rows(self) -> list[dict[str, object]]:
        """The announcements that anyone reads now."""
        return [*self.database.mongo["storing"].find()]

    def store(self, has_more: bool) -> tuple[datetime, list[dict[str, object]]]:
        """Do a unit of work; return its time, and the announcements that others see meanwhile."""
        self.has_more = has_more
        self.clock.forward(seconds=1)
        return self.in_turn.do(lambda store: (store.now, self.rows))


@pytest.fixture
def turns(classroom: Classroom) -> Turns:
    return Turns(classroom)


def test_the_last_unit_of_work_leaves_no_announcement(turns: Turns) -> None:
    """Each of its own is made before it begins, and removed with what it stores."""
    for _ in range(2):
        now, (announced,) = turns.store(has_more=False)
        assert announced["begun"] == now
        assert turns.rows == []


def test_while_more_wait_the_next_one_is_announced_by_the_one_before(turns: Turns) -> None:
    """The announcement stays, with the time at which the unit of work before ended: what that one
    stored can be read at once, and what the next one stores is not before it.
    """
    first, (announced,) = turns.store(has_more=True)
    (renewed,) = turns.rows
    assert renewed["_id"] == announced["_id"]
    assert renewed["begun"] == first
    second, (seen,) = turns.store(has_more=True)
    assert seen == renewed
    assert first < second == turns.rows[0]["begun"]
    turns.clock.forward(seconds=1)
    assert oldest_begun(turns.database.reader()) == second
    turns.store(has_more=False)
    assert turns.rows == []


def test_if_nothing_follows_after_all_the_announcement_is_removed(turns: Turns) -> None:
    """The next unit of work is announced anew."""
    turns.store(has_more=True)
    turns.in_turn.end()
    assert turns.rows == []
    turns.in_turn.end()
    now, (announced,) = turns.store(has_more=False)
    assert announced["begun"] == now


def test_a_unit_of_work_that_fails_leaves_no_announcement(turns: Turns) -> None:
    """Neither its own nor that of the one before."""

    def failing(_: ProgressStore) -> None:
        raise NotFound("no such thing")

    for has_more in (False, True):
        turns.has_more = has_more
        with pytest.raises(NotFound):
            turns.in_turn.do(failing)
        assert turns.rows == []
        with pytest.raises(NotFound):
            storing(turns.database, failing)
        assert turns.rows == []
        turns.store(has_more=True)


@pytest.mark.parametrize("has_more", [True, False])
def test_without_its_announcement_nothing_is_stored(turns: Turns, has_more: bool) -> None:
    """If the announcement was lost with a primary, readers did not wait for the unit of work: it is
    refused, and the next one is announced anew.
    """

    def work(store: ProgressStore) -> None:
        store["requests"].insert_one({"_id": "x"}, session=store.session)

    turns.store(has_more=True)
    turns.database.mongo["storing"].delete_many({})
    turns.has_more = has_more
    with pytest.raises(Unavailable, match="primary"):
        turns.in_turn.do(work)
    assert turns.database.mongo["requests"].count_documents({}) == 0
    turns.in_turn.do(work)
    assert turns.database.mongo["requests"].count_documents({}) == 1
