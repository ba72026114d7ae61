"""Versions of a plan, who is behind them, and when a run is done with."""

from functools import reduce

import pytest

from services.progress.domain.plan_history import (
    KEPT,
    NO_EFFECT,
    ON_EVERYTHING,
    Effect,
    PlanHistory,
    changed,
)
from services.progress.domain.reevaluations import AGAIN_AFTER, Reevaluation, begun, served, waiting
from tests.unit.progress.examples import HOUR, MONDAY, RUN

FILM, BOOK = Effect(frozenset({"film"})), Effect(frozenset({"book"}))


def _after(*effects: Effect) -> PlanHistory:
    return reduce(changed, effects, PlanHistory(RUN))


def test_a_change_that_means_nothing_leaves_nobody_behind() -> None:
    """It is a version all the same: who keeps a plan must see that it is another."""
    history = _after(FILM, NO_EFFECT)
    assert history.version == 2
    assert not history.is_ahead_of(1)
    assert history.is_ahead_of(0)


@pytest.mark.parametrize(
    ("evaluated", "items"),
    [(3, []), (2, ["book"]), (1, ["film", "book"]), (0, ["film", "book"])],
)
def test_a_learner_is_judged_by_what_changed_since(evaluated: int, items: list[str]) -> None:
    """By the items of each change that the learner has not seen, and no others."""
    assert _after(NO_EFFECT, FILM, BOOK).items_since(evaluated) == frozenset(items)


def test_who_missed_a_change_of_everything_is_judged_by_everything() -> None:
    """Whoever has seen it is not."""
    history = _after(FILM, ON_EVERYTHING, BOOK)
    assert history.items_since(1) is None
    assert history.items_since(2) == frozenset({"book"})


def test_who_is_behind_by_more_than_is_kept_is_judged_by_everything() -> None:
    """From the last change that is forgotten on, the rest is known."""
    history = _after(*[FILM] * (KEPT + 2), BOOK)
    assert (history.version, history.forgotten) == (KEPT + 3, 3)
    assert history.items_since(2) is None
    assert history.items_since(3) == frozenset({"film", "book"})


def test_effects_add_up() -> None:
    """Items are joined; everything outdoes them; what means nothing adds nothing."""
    together = FILM | BOOK
    assert together.item_ids == frozenset({"film", "book"})
    assert FILM | ON_EVERYTHING == ON_EVERYTHING
    assert NO_EFFECT | BOOK == BOOK
    assert NO_EFFECT | NO_EFFECT == NO_EFFECT


def test_a_run_that_changes_again_keeps_its_place_in_the_line() -> None:
    """A busy run would never have its turn otherwise; a rested one has it at once."""
    waits = begun(None, RUN, MONDAY)
    assert begun(waits, RUN, MONDAY + HOUR) == Reevaluation(RUN, MONDAY + HOUR, MONDAY)
    rested = waiting(waits)
    assert begun(rested, RUN, MONDAY + AGAIN_AFTER / 2).turn_at == MONDAY + AGAIN_AFTER / 2
    assert served(waits, MONDAY + HOUR) == Reevaluation(RUN, MONDAY, MONDAY + HOUR)


def test_a_run_is_done_with_when_nothing_older_can_be_under_way() -> None:
    """Counted from its last change."""
    waits = waiting(begun(None, RUN, MONDAY))
    assert not waits.is_over(MONDAY)
    assert waits.is_over(waits.turn_at)
    assert not begun(waits, RUN, MONDAY + HOUR).is_over(waits.turn_at)
