"""Falling behind: each reason is a number that reaches its limit."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.falling_behind import DAY, Facts, Reason, ReasonKind, Rule, judged

RULE = Rule()
COUNTS = st.integers(0, 40)
SPANS = st.timedeltas(timedelta(), timedelta(days=120))
# What is worse for a learner, where it is more.
WORSE = ("overdue", "least_delay", "absences", "unwatched_catch_ups", "silence")
TIMES = ("least_delay", "silence")
WITHIN = {"overdue": "dues", "absences": "sessions_held"}
RULES = st.builds(
    Rule,
    overdue_one_in=st.integers(1, 10),
    late_days=st.floats(0.5, 60),
    absent_one_in=st.integers(1, 10),
    least_absences=st.integers(1, 5),
    unwatched_catch_ups=st.integers(1, 5),
    silent_days=st.floats(0.5, 60),
    silent_medians=st.floats(0, 5),
    eased=st.floats(0.1, 1),
)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Any facts that can be: nobody lacks more than was due."""
    dues, held = draw(COUNTS), draw(COUNTS)
    return Facts(
        dues=dues,
        overdue=draw(st.integers(0, dues)),
        least_delay=draw(SPANS),
        sessions_held=held,
        absences=draw(st.integers(0, held)),
        unwatched_catch_ups=draw(COUNTS),
        silence=draw(SPANS),
        median_silence=draw(st.none() | SPANS),
    )


def kinds(found: tuple[Reason, ...]) -> list[ReasonKind]:
    """The kinds of the reasons, in their order."""
    return [each.kind for each in found]


@pytest.mark.parametrize(
    ("at_limit", "below"),
    [
        (Facts(dues=1, overdue=1), Facts(dues=1)),
        (Facts(dues=7, overdue=1), Facts(dues=7)),
        (Facts(dues=8, overdue=2), Facts(dues=8, overdue=1)),
        (Facts(dues=1, least_delay=7 * DAY), Facts(dues=1, least_delay=6 * DAY)),
        (Facts(sessions_held=2, absences=2), Facts(sessions_held=2, absences=1)),
        (Facts(sessions_held=9, absences=3), Facts(sessions_held=9, absences=2)),
        (Facts(unwatched_catch_ups=2), Facts(unwatched_catch_ups=1)),
        (
            Facts(silence=16 * DAY, median_silence=2 * DAY),
            Facts(silence=15 * DAY, median_silence=2 * DAY),
        ),
        (
            Facts(silence=10 * DAY, median_silence=timedelta()),
            Facts(silence=9 * DAY, median_silence=timedelta()),
        ),
    ],
)
def test_one_number_at_its_limit_is_enough(at_limit: Facts, below: Facts) -> None:
    """Each kind alone makes a learner behind from its limit on, and not before."""
    (reason,) = judged(at_limit, RULE, was_behind=False)
    assert reason.value == reason.limit
    assert not judged(below, RULE, was_behind=False)


def test_a_reason_tells_its_number_and_its_limit() -> None:
    """A teacher reads them in plain units: works, sessions, catch-ups, days."""
    found = Facts(
        dues=10,
        overdue=3,
        least_delay=9 * DAY,
        sessions_held=12,
        absences=4,
        unwatched_catch_ups=3,
        silence=30 * DAY,
        median_silence=3 * DAY,
    )
    assert judged(found, RULE, was_behind=False) == (
        Reason(ReasonKind.OVERDUE_WORK, 3, 2),
        Reason(ReasonKind.LATE_WORK, 9, 7),
        Reason(ReasonKind.ABSENCES, 4, 3),
        Reason(ReasonKind.UNWATCHED_CATCH_UPS, 3, 2),
        Reason(ReasonKind.SILENCE, 30, 19),
    )


def test_who_is_behind_already_has_lower_limits() -> None:
    """What is not enough to be behind is enough to stay so, and the reason tells that limit."""
    nine_days = Facts(silence=9 * DAY, median_silence=timedelta())
    assert not judged(nine_days, RULE, was_behind=False)
    assert judged(nine_days, RULE, was_behind=True) == (Reason(ReasonKind.SILENCE, 9, 7.5),)


def test_who_hands_in_within_a_week_recovers() -> None:
    """The limit of late work is the same for who is behind already: nothing moves around it."""
    assert not judged(Facts(dues=1, least_delay=6.9 * DAY), RULE, was_behind=True)
    assert judged(Facts(dues=1, least_delay=7 * DAY), RULE, was_behind=True)


def test_silence_says_nothing_where_the_median_is_not_known() -> None:
    """However long a learner is silent."""
    assert not judged(Facts(silence=300 * DAY), RULE, was_behind=True)


@given(RULES, st.booleans(), st.none() | SPANS, COUNTS, COUNTS)
def test_who_lacks_nothing_is_never_behind(
    rule: Rule, was_behind: bool, median: timedelta | None, dues: int, held: int
) -> None:
    """Also if they were behind before, and whatever the others do."""
    best = Facts(dues=dues, sessions_held=held, median_silence=median)
    assert judged(best, rule, was_behind) == ()


@given(facts(), RULES, st.booleans())
def test_each_reason_is_told_once_in_order_and_holds(
    found: Facts, rule: Rule, was_behind: bool
) -> None:
    """No reason is told whose number is below its limit."""
    reasons = judged(found, rule, was_behind)
    assert all(each.value >= each.limit > 0 for each in reasons)
    assert kinds(reasons) == [kind for kind in ReasonKind if kind in kinds(reasons)]


@given(facts(), st.sampled_from(WORSE), st.integers(1, 40), RULES, st.booleans())
def test_worse_facts_never_make_a_learner_catch_up(
    found: Facts, worse: str, by: int, rule: Rule, was_behind: bool
) -> None:
    """More of any number keeps every reason that there was."""
    later = _worse(found, worse, by)
    before = kinds(judged(found, rule, was_behind))
    assert set(before) <= set(kinds(judged(later, rule, was_behind)))


@given(facts(), RULES, st.booleans())
def test_one_more_due_that_is_missed_never_makes_a_learner_catch_up(
    found: Facts, rule: Rule, was_behind: bool
) -> None:
    """The limit grows with the dues, but slower than what is overdue."""
    later = replace(found, dues=found.dues + 1, overdue=found.overdue + 1)
    before = kinds(judged(found, rule, was_behind))
    assert set(before) <= set(kinds(judged(later, rule, was_behind)))


@given(facts(), RULES, st.booleans())
def test_to_hand_in_by_the_limit_never_makes_a_learner_fall_behind(
    found: Facts, rule: Rule, was_behind: bool
) -> None:
    """One overdue activity less, and a delay that is no reason: no kind of reason is new."""
    in_time = rule.late_days / 2 * DAY
    later = replace(
        found,
        overdue=max(0, found.overdue - 1),
        least_delay=min(found.least_delay, in_time),
    )
    after = kinds(judged(later, rule, was_behind))
    assert set(after) <= set(kinds(judged(found, rule, was_behind)))


@given(facts(), RULES)
def test_who_falls_behind_stays_so_with_the_same_facts(found: Facts, rule: Rule) -> None:
    """To be behind adds reasons, and takes none away."""
    fresh = kinds(judged(found, rule, was_behind=False))
    assert set(fresh) <= set(kinds(judged(found, rule, was_behind=True)))


@given(
    st.lists(st.tuples(st.floats(0.76, 0.99), st.floats(0, 20)), min_size=1, max_size=20),
    st.booleans(),
)
def test_numbers_between_both_limits_change_nothing(
    days: list[tuple[float, float]], was_behind: bool
) -> None:
    """However the silence and the run's median move, a learner stays what they were."""
    found = [_silent(share, median) for share, median in days]
    assert set(_days(found, RULE, was_behind)) == {was_behind}


@given(st.lists(st.tuples(st.floats(0.76, 3), st.floats(0, 20)), min_size=1, max_size=30))
def test_a_silence_that_wobbles_changes_at_most_once(days: list[tuple[float, float]]) -> None:
    """Around its limit, but not below its lower one, it makes a learner behind once for all."""
    told = list(_days([_silent(*each) for each in days], RULE, was_behind=False))
    assert told == sorted(told)


def test_all_facts_have_a_say() -> None:
    """No fact is gathered for nothing: each changes a reason."""
    base = Facts(4, 1, 8 * DAY, 8, 2, 2, 20 * DAY, 3 * DAY)
    changed = Facts(40, 3, DAY, 40, 5, 9, 60 * DAY, DAY)
    without = judged(base, RULE, was_behind=True)
    for field in fields(Facts):
        other = replace(base, **{field.name: getattr(changed, field.name)})
        assert judged(other, RULE, was_behind=True) != without, field.name


def _worse(found: Facts, name: str, by: int) -> Facts:
    if name in TIMES:
        return replace(found, **{name: getattr(found, name) + by * DAY})
    most = getattr(found, WITHIN[name]) if name in WITHIN else 1000
    return replace(found, **{name: min(most, getattr(found, name) + by)})


def _silent(share: float, median: float) -> Facts:
    """Return facts with a silence of a share of the limit, beside a median in days."""
    limit = RULE.silent_days + RULE.silent_medians * median
    return Facts(silence=share * limit * DAY, median_silence=median * DAY)


def _days(days: list[Facts], rule: Rule, was_behind: bool) -> Iterator[bool]:
    """Yield whether the learner is behind on each day."""
    for found in days:
        was_behind = bool(judged(found, rule, was_behind))
        yield was_behind
