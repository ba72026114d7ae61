"""Which statements are taken in."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.contracts.events import LARGEST_BODY, body_of, message_for
from chassis.errors import FieldViolation
from services.progress.domain.enums import Role
from services.progress.domain.intake import Row, owner_violations, recorded, row_of, taken
from services.progress.domain.statements import Result, Statement, normal, violations_of
from services.progress.domain.video import VideoExtensions
from tests.unit.progress.examples import (
    ADA,
    ADL,
    COMPLETED,
    DAY,
    FAILED,
    MONDAY,
    PAUSED,
    said,
    statement,
    watched,
)


def test_a_good_statement_has_no_violations() -> None:
    """Naming an item, an activity or both, now or a day ahead, all is well."""
    assert not list(violations_of(statement(timestamp=MONDAY + DAY), MONDAY))
    assert not list(violations_of(statement(item_id="", activity_id="quiz"), MONDAY))
    assert not list(violations_of(watched("0[.]50"), MONDAY))


def test_all_violations_are_told_at_once() -> None:
    """Naming nothing and coming from the future are two faults."""
    bad = statement(
        item_id="",
        timestamp=MONDAY + DAY + timedelta(milliseconds=1),
    )
    fields = [violation.field for violation in violations_of(bad, MONDAY)]
    assert fields == ["activity_id", "timestamp"]


def test_a_learner_speaks_for_no_one_else() -> None:
    """Own statements pass, and anyone's where no owner is asked for."""
    assert not list(owner_violations(statement(), ADA))
    assert not list(owner_violations(statement(), ""))
    assert [violation.field for violation in owner_violations(statement(), "grace")] == [
        "learner_id"
    ]


def test_ids_and_timestamps_are_kept_in_one_form() -> None:
    """A UUID in capitals is the same one; what is finer than a millisecond is let go."""
    fine = statement(timestamp=MONDAY + timedelta(microseconds=1999))
    shouted = replace(fine, id=fine.id.upper())
    assert normal(shouted) == replace(fine, timestamp=MONDAY + timedelta(milliseconds=1))


def test_each_row_is_judged_by_itself() -> None:
    """New, refused, known, a repeat in the batch, and two conflicts: each gets its own answer."""
    new, known = statement(), statement()
    other, clash = replace(known, verb="https://x.example/a"), replace(new, item_id="book")
    violation = FieldViolation("verb", "is missing")
    rows = [Row(new), Row(None, (violation,)), Row(known), Row(new), Row(other), Row(clash)]
    results, kept = taken(rows, {known.id: known})
    assert kept == [new]
    assert [result.row for result in results] == [0, 1, 2, 3, 4, 5]
    assert [result.changed for result in results] == [True, False, False, False, False, False]
    assert [result.id for result in results] == [new.id, "", known.id, new.id, "", ""]
    assert [len(result.violations) for result in results] == [0, 1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (said(COMPLETED, "quiz"), ""),
        (said(FAILED, "quiz"), ""),
        (said("https://x.example/verbs/did", "quiz", Result(success=False)), ""),
        (said(COMPLETED, "task", Result(success=False), authority=Role.LEARNER), ""),
        (watched("0[.]5"), ""),
        (watched("0[.]0"), "nothing was played"),
        (said(FAILED, "quiz", authority=Role.LEARNER), "a learner's own statement"),
        (said(f"{ADL}initialized", "quiz"), "completes nothing"),
        (said(PAUSED, "see"), "nothing was played"),
        (said("https://x.example/verbs/did", "quiz"), "not known"),
        (said(COMPLETED, "quiz", Result(completion=False)), "contradicts the verb"),
        (watched("5[.]4[,]0[.]5"), "'5[.]4' ends before it starts"),
        (statement(video=VideoExtensions(length=math.nan)), "length is nan"),
    ],
)
def test_what_counts_for_nothing_is_told(one: Statement, told: str) -> None:
    """The row is taken, its note says what counts for nothing, and a repeat says the same."""
    row = row_of(one)
    (first, again), (kept,) = taken([row, row], {})
    assert (first.changed, again.changed, kept) == (True, False, normal(one))
    assert first.note == again.note
    assert told in first.note
    assert bool(first.note) is bool(told)


def test_events_are_by_learner() -> None:
    """Each learner's statements have their own event, in their order."""
    one, two, three = statement(), statement(learner_id="grace"), statement()
    assert [(each.learner_id, each.statements) for each in recorded([one, two, three])] == [
        (ADA, (one, three)),
        ("grace", (two,)),
    ]
    assert not list(recorded([]))


@pytest.mark.parametrize("sign", ["x", "\x01", '"', "é", "\u2028", "𝄞"])
def test_the_largest_batch_fits_into_events(sign: str) -> None:
    """A thousand rows of the longest texts give events below the limit, with all rows."""
    odd = statement(
        learner_id=sign * 128,
        verb="a:" + sign * 498,
        run_id=sign * 64,
        activity_id=sign * 64,
        item_id=sign * 64,
        video=VideoExtensions(1 / 3, 1 / 3, 1 / 3, 1 / 3, "0[.]1[,]" * 40 + "0[.]1"),
    )
    batch = [odd] * 1000
    events = list(recorded(batch))
    assert sum(len(event.statements) for event in events) == 1000
    assert max(len(body_of(message_for("progress", event))) for event in events) < LARGEST_BODY


def test_the_largest_statement_fits_into_an_event() -> None:
    """Segments of a hundred thousand characters leave room for the rest."""
    large = watched("0[.]10[,]" * 11_000 + "0[.]10", learner_id="\x01" * 128, run_id="\x01" * 64)
    (event, *_) = recorded([large, large, large])
    assert len(body_of(message_for("progress", event))) < LARGEST_BODY
