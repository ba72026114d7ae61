"""When an activity is done."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.contracts.mapping import from_document
from services.progress.domain.completion import done_at
from services.progress.domain.enums import (
    ActivityKind,
    ActivityState,
    AttendanceStatus,
    ItemKind,
    Role,
    SessionState,
)
from services.progress.domain.learner import Learner, did
from services.progress.domain.path import Activity, Policy, TimeRule
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import Item
from services.progress.domain.shares import share_of
from services.progress.domain.statements import Result, Statement
from services.progress.domain.video import VideoExtensions
from services.progress.domain.views import activity_progress
from tests.unit.progress.examples import (
    COMPLETED,
    DAY,
    EXPERIENCED,
    FAILED,
    HOUR,
    ITEMS,
    MONDAY,
    PASSED,
    activity,
    attendance_with,
    learner,
    plan,
    said,
    session,
    statement,
    watched,
)

FILM = activity("see", ActivityKind.ITEM, item_id="film")
BOOK = activity("read", ActivityKind.ITEM, item_id="book")
TASK, QUIZ = activity("task"), activity("quiz", ActivityKind.CHECKPOINT)
CLASS = activity("class", ActivityKind.SESSION)
SUBMITTED = "http://activitystrea.ms/schema/1.0/submit"


def test_a_film_is_done_at_the_share_that_the_run_asks_for() -> None:
    """Nine tenths by the union of what was played are enough, a second less is not."""
    short = learner(watched("0[.]50"), watched("40[.]89"))
    assert done_at(FILM, short, plan(FILM)) is None
    assert share_of("film", short, plan(FILM)) == pytest.approx(0.89)
    enough = learner(watched("0[.]50"), watched("40[.]90", timestamp=MONDAY + HOUR))
    assert done_at(FILM, enough, plan(FILM)) == MONDAY + HOUR


@given(st.integers(1, 10_000), st.integers(0, 100))
def test_the_exact_share_is_enough(length: int, percent: int) -> None:
    """With any fractions, watching exactly the required share counts."""
    item = Item("film", ItemKind.VIDEO, float(length), True, 1)
    run = replace(plan().run, policy=Policy(watched_share=percent / 100))
    one = plan(FILM, run=run, items={"film": item})
    ada = learner(watched(f"0[.]{length * percent / 100:.20f}".rstrip("0").rstrip(".")))
    assert done_at(FILM, ada, one) == MONDAY


def test_an_activity_of_a_newer_kind_is_never_done() -> None:
    """A newer version's path does not stop the evaluation of the others."""
    game = from_document({"_id": "game", "title": "Game", "kind": "GAME"}, Activity)
    assert done_at(game, learner(said(COMPLETED, "game")), plan(game)) is None
    assert state_of(game, learner(), plan(game), MONDAY) is ActivityState.OPEN


def test_saying_completed_is_not_watching() -> None:
    """A film of which nothing was played is not done, whatever is said of it."""
    ada = learner(statement(verb=COMPLETED, result=Result(completion=True)))
    assert done_at(FILM, ada, plan(FILM)) is None


def test_what_lies_beyond_the_film_does_not_count() -> None:
    """The library's measure of the film counts, not the player's."""
    assert done_at(FILM, learner(watched("50[.]200")), plan(FILM)) is None
    assert share_of("film", learner(watched("50[.]200")), plan(FILM)) == 0.5


def test_a_film_of_unknown_length_goes_by_the_players() -> None:
    """If the library has no length, the player's length counts."""
    items = {"film": Item("film", ItemKind.VIDEO, 0.0, True, 1)}
    assert done_at(FILM, learner(watched("0[.]90")), plan(FILM, items=items)) == MONDAY
    assert done_at(FILM, learner(watched("0[.]80")), plan(FILM, items=items)) is None


@pytest.mark.parametrize("verb", [COMPLETED, PASSED, EXPERIENCED])
def test_a_text_is_done_when_it_was_read(verb: str) -> None:
    """Named as item or as activity, read is read."""
    assert done_at(BOOK, learner(statement(verb=verb, item_id="book")), plan(BOOK)) == MONDAY
    assert done_at(BOOK, learner(said(verb, "read")), plan(BOOK)) == MONDAY
    assert done_at(BOOK, learner(said(verb, "see")), plan(BOOK)) is None


def test_an_item_waits_for_the_library() -> None:
    """Before the library knows an item, or after it refused it, nothing of it is done."""
    ada = learner(statement(item_id="book"), watched("0[.]100"))
    assert done_at(BOOK, ada, plan(BOOK, items={})) is None
    refused = {"film": replace(ITEMS["film"], available=False)}
    assert done_at(FILM, ada, plan(FILM, items=refused)) is None


def test_evidence_by_item_and_by_activity_adds_up() -> None:
    """Half a film named as item and half as one of two activities make the film for both."""
    again = activity("again", ActivityKind.ITEM, item_id="film")
    ada = learner(watched("0[.]50"), watched("50[.]100", item_id="", activity_id="see"))
    both = plan(FILM, again)
    assert done_at(FILM, ada, both) == done_at(again, ada, both) == MONDAY


def test_nobody_certifies_oneself() -> None:
    """A quiz is passed by another's word; work is handed in by the learner's own."""
    own = [said(PASSED, each.id, authority=Role.LEARNER) for each in (TASK, QUIZ)]
    ada = learner(*own)
    assert done_at(TASK, ada, plan(TASK, QUIZ)) == MONDAY
    assert done_at(QUIZ, ada, plan(TASK, QUIZ)) is None
    tested = did(ada, said(PASSED, "quiz", authority=Role.SERVICE))
    assert done_at(QUIZ, tested, plan(TASK, QUIZ)) == MONDAY


@pytest.mark.parametrize(
    ("step", "verb", "done"),
    [
        (TASK, COMPLETED, True),
        (TASK, PASSED, True),
        (TASK, SUBMITTED, True),
        (TASK, EXPERIENCED, False),
        (QUIZ, PASSED, True),
        (QUIZ, COMPLETED, True),
        (QUIZ, SUBMITTED, False),
        (QUIZ, EXPERIENCED, False),
    ],
)
def test_tasks_and_checkpoints_go_by_what_is_said(step: object, verb: str, done: bool) -> None:
    """Work is handed in, a quiz is passed or completed; looking at them is not enough."""
    kind = TASK if step is TASK else QUIZ
    at = done_at(kind, learner(said(verb, kind.id)), plan(TASK, QUIZ))
    assert at == (MONDAY if done else None)


@pytest.mark.parametrize(
    ("told", "done"),
    [
        ([(FAILED, None)], None),
        ([(COMPLETED, False)], None),
        ([(PASSED, False)], None),
        ([(COMPLETED, None), (FAILED, None)], None),
        ([(COMPLETED, None), (COMPLETED, False), (COMPLETED, None)], None),
        ([(FAILED, None), (PASSED, None)], 1),
        ([(PASSED, None), (FAILED, None)], 0),
        ([(COMPLETED, None), (FAILED, None), (COMPLETED, True)], 2),
        ([(COMPLETED, None), (PASSED, None)], 0),
    ],
)
def test_a_failure_never_passes_and_a_pass_does(
    told: list[tuple[str, bool | None]], done: int | None
) -> None:
    """Completed counts as a pass of a quiz if no failure is told, in any order of arrival."""
    statements = [
        said(verb, "quiz", Result(success=success), timestamp=MONDAY + hours * HOUR)
        for hours, (verb, success) in enumerate(told)
    ]
    for order in permutations(statements):
        at = done_at(QUIZ, learner(*order), plan(QUIZ))
        assert at == (None if done is None else MONDAY + done * HOUR)


@pytest.mark.parametrize("step", [TASK, BOOK])
def test_what_needs_no_success_is_completed_without_it(step: Activity) -> None:
    """A task or a text that was completed without success is completed; failed alone is not."""
    unsuccessful = said(COMPLETED, step.id, Result(success=False))
    assert done_at(step, learner(unsuccessful), plan(step)) == MONDAY
    assert done_at(step, learner(said(FAILED, step.id)), plan(step)) is None
    assert done_at(step, learner(said(PASSED, step.id, Result(success=False))), plan(step)) is None


def test_a_failure_that_a_learner_tells_takes_nothing_back() -> None:
    """A learner's own statement neither passes nor fails a quiz."""
    own = said(FAILED, "quiz", authority=Role.LEARNER)
    assert done_at(QUIZ, learner(said(COMPLETED, "quiz"), own), plan(QUIZ)) == MONDAY


def test_a_second_at_every_seam_counts_as_watched() -> None:
    """Hairs between segments don't keep a run that asks for all of a film from being completed."""
    run = replace(plan().run, policy=Policy(watched_share=1.0))
    whole, hole = (
        learner(watched("0.9[.]50[,]50.8[.]99.1")),
        learner(watched("0[.]50[,]51.1[.]100")),
    )
    assert share_of("film", whole, plan(FILM, run=run)) == 1.0
    assert done_at(FILM, whole, plan(FILM, run=run)) == MONDAY
    assert share_of("film", hole, plan(FILM, run=run)) == pytest.approx(0.989)


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300))), st.floats(0.1, 200), st.data())
def test_a_share_is_a_share_and_grows_with_what_is_watched(
    parts: list[tuple[float, float]], length: float, data: st.DataObject
) -> None:
    """Between 0 and 1, the same in any order and with repeats, and never less for more."""
    statements = [watched(f"{start:.3f}[.]{end:.3f}") for start, end in parts]
    shuffled = data.draw(st.permutations([*statements, *statements[:3]]))
    one = plan(FILM, items={"film": Item("film", ItemKind.VIDEO, length, True, 1)})
    shares = [share_of("film", learner(*shuffled[:count]), one) for count in range(len(shuffled))]
    shares.append(share_of("film", learner(*shuffled), one))
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert all(one <= other + 1e-9 for one, other in pairwise(shares))
    assert shares[-1] == share_of("film", learner(*statements), one)


def test_a_wrong_length_is_repaired() -> None:
    """The library's length counts; without it, the one that was told last."""
    wrong = replace(watched("0[.]95"), video=VideoExtensions(4000.0, played_segments="0[.]95"))
    right = watched("0[.]95", timestamp=MONDAY + HOUR)
    unknown = plan(FILM, items={"film": Item("film", ItemKind.VIDEO, 0.0, True, 1)})
    assert done_at(FILM, learner(wrong), unknown) is None
    for told in ([wrong, right], [right, wrong]):
        assert done_at(FILM, learner(*told), unknown) == MONDAY + HOUR
    assert done_at(FILM, learner(wrong), plan(FILM)) == MONDAY


@pytest.mark.parametrize(
    ("value", "done"),
    [
        (AttendanceStatus.PRESENT, True),
        (AttendanceStatus.EXCUSED, True),
        (AttendanceStatus.CAUGHT_UP, True),
        (AttendanceStatus.PARTIAL, False),
        (AttendanceStatus.ABSENT, False),
    ],
)
def test_a_class_is_done_by_who_was_there(value: AttendanceStatus, done: bool) -> None:
    """Having been there for enough of it, being excused or having caught up is done."""
    ada = learner(attendance=attendance_with(value))
    at = done_at(CLASS, ada, plan(CLASS, sessions=(session(),)))
    assert at == (MONDAY + HOUR if done else None)


def test_whoever_was_not_there_may_study_what_stands_in() -> None:
    """The recording of a class that is over repairs it, also for who studies alone."""
    ada = learner(watched("0[.]95", timestamp=MONDAY + DAY))
    assert done_at(CLASS, ada, plan(CLASS, sessions=(session(),))) == MONDAY + DAY
    to_come = session(state=SessionState.SCHEDULED, ended_at=None)
    assert done_at(CLASS, ada, plan(CLASS, sessions=(to_come,))) is None


def test_a_cancelled_class_is_done_by_its_substitute() -> None:
    """Without a substitute, it waits for another session."""
    ada = learner(statement(item_id="book"))
    off = session(state=SessionState.CANCELLED, substitute_item_id="book", ended_at=None)
    assert done_at(CLASS, ada, plan(CLASS, sessions=(off,))) == MONDAY
    gone = replace(off, substitute_item_id="")
    assert done_at(CLASS, ada, plan(CLASS, sessions=(gone,))) is None


def test_all_materials_are_to_be_studied() -> None:
    """If two materials replace a class, the learner must study both."""
    one = session(recorded=False, recording_item_id="", material_item_ids=("book", "film"))
    half, whole = (
        learner(watched("0[.]100")),
        learner(watched("0[.]100"), statement(item_id="book")),
    )
    assert done_at(CLASS, half, plan(CLASS, sessions=(one,))) is None
    assert done_at(CLASS, whole, plan(CLASS, sessions=(one,))) == MONDAY


def state_of(one: Activity, ada: Learner, by: Plan, now: datetime) -> ActivityState:
    """The state of an activity, as a learner's progress tells it."""
    rows = activity_progress(ada, by, now)
    return next(row.state for row in rows if row.activity_id == one.id)


def test_states_of_an_activity() -> None:
    """Locked by time or by what comes first, open, begun, completed."""
    later = activity("later", release=TimeRule(fixed=MONDAY + DAY))
    second = activity("second", requires=("task",))
    one = plan(TASK, later, second)
    assert state_of(later, learner(), one, MONDAY) is ActivityState.LOCKED
    assert state_of(later, learner(), one, MONDAY + DAY) is ActivityState.OPEN
    assert state_of(second, learner(), one, MONDAY) is ActivityState.LOCKED
    done = learner(completed={"task": MONDAY})
    assert state_of(second, done, one, MONDAY) is ActivityState.OPEN
    assert state_of(TASK, done, one, MONDAY) is ActivityState.COMPLETED
    begun = learner(said(EXPERIENCED, "task"))
    assert state_of(TASK, begun, one, MONDAY) is ActivityState.STARTED


def test_a_film_seen_elsewhere_is_begun() -> None:
    """What was watched of an item begins every activity that studies it."""
    seen: Statement = watched("0[.]5")
    assert state_of(FILM, learner(seen), plan(FILM), MONDAY) is ActivityState.STARTED
