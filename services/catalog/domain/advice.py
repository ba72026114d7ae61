"""Advice on the delivery of a run: which weeks are best live, and which self-paced, and why.

The share of live weeks, in percent of the weeks that have working days (decision 44):

| what is known | share |
|---|---|
| the run is SYNCHRONOUS | 100, and nothing else counts |
| the run is ASYNCHRONOUS | 0, and nothing else counts |
| the course is a LAB | 100, and nothing else counts |
| it is a LECTURE for at least `large_intake` learners | 25 |
| it is another LECTURE, a SEMINAR, or does not tell its nature | 50 |
| at least 5 learners wish a mode | plus 25 * (wishes for live - for self-paced) / learners |
| in the end | at least 21, at most 70 |

The weeks, by the first rule that decides:

1. What staff decided on the week holds.
2. A week without working days, or in which no teacher has an hour at a stretch, is self-paced.
3. The first and the last of the other weeks are live, unless no week is to be.
4. Weeks before one in which a CHECKPOINT is due come first in making up the share, then all others,
   evenly spread.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from chassis.errors import FieldViolation
from services.catalog.domain import reasons
from services.catalog.domain.availability import TeachingTime
from services.catalog.domain.enums import CourseNature, DeliveryMode, WeekForm
from services.catalog.domain.reasons import Reason
from services.catalog.domain.weeks import Week

ALL, NONE = 100, 0
LIVE_SHARE, LARGE_LECTURE_SHARE = 50, 25
MOST_SHIFT = 25
LEAST_SHARE, MOST_SHARE = 21, 70
FEWEST_WISHES = 5
LEAST_MINUTES = 60
"""The shortest class that makes a week live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How many learners of a run wish what; one who waits for a place is a learner, too."""

    classroom: int = 0
    online: int = 0
    self_paced: int = 0
    undecided: int = 0

    @property
    def live(self) -> int:
        """Return how many wish live classes, in the room or online."""
        return self.classroom + self.online

    @property
    def told(self) -> int:
        """Return how many wish a mode."""
        return self.live + self.self_paced

    @property
    def learners(self) -> int:
        """Return how many learners there are."""
        return self.told + self.undecided


@dataclass(frozen=True, slots=True)
class Override:
    """What staff decides on a week."""

    week: int
    form: WeekForm
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviseDelivery:
    """Advise on the delivery of a run."""

    run_id: str
    overrides: tuple[Override, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that an advice depends on."""

    run_id: str
    delivery_mode: DeliveryMode
    nature: CourseNature | None
    intake: int
    """The places of the run, or its learners if places are not limited."""
    large_intake: int
    wishes: Wishes
    weeks: Sequence[Week]
    teachers: int
    """How many TEACHERs the run names."""
    times: Mapping[int, TeachingTime] = field(default_factory=dict)
    """How long they can teach, by week; a week that is not there limits nobody."""
    checkpoints: Mapping[int, int] = field(default_factory=dict)
    """How many CHECKPOINTs of the path are due, by week."""
    path_version: int = 0
    overrides: Sequence[Override] = ()


@dataclass(frozen=True, slots=True)
class WeekAdvice:
    """What is advised for a week."""

    week: int
    first_day: str
    """Its first working day in the run; empty: it has none."""
    last_day: str
    form: WeekForm
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """How a run is best delivered."""

    run_id: str
    weeks: tuple[WeekAdvice, ...]
    live_share: int
    """The share that was aimed at, in percent."""
    reasons: tuple[Reason, ...]
    """Why that share."""
    path_version: int
    live_weeks: int
    self_paced_weeks: int
    digest: str


@dataclass(frozen=True, slots=True)
class _Share:
    """A share of live weeks in percent, and why."""

    percent: int
    reasons: tuple[Reason, ...]


def override_violations(
    overrides: Sequence[Override], weeks: Sequence[Week], mode: DeliveryMode
) -> Iterator[FieldViolation]:
    """Yield a violation for each override that a run with these weeks can't have."""
    taught = {week.number for week in weeks if week.days}
    named = set[int]()
    for place, each in enumerate(overrides):
        where = f"overrides[{place}]"
        if each.week not in taught:
            wrong = f"the run has no week {each.week} with a working day"
            yield FieldViolation(f"{where}.week", wrong, f"a week from 1 to {len(weeks)}")
        if each.week in named:
            yield FieldViolation(f"{where}.week", f"week {each.week} is named twice", "each once")
        if mode is DeliveryMode.ASYNCHRONOUS and each.form is WeekForm.LIVE:
            wrong = "LIVE is not offered by a run that is ASYNCHRONOUS"
            yield FieldViolation(f"{where}.form", wrong, "SELF_PACED")
        named.add(each.week)


def advise(facts: Facts) -> Advice:
    """Return the advice that follows from the facts: the same for the same, in whatever order the
    overrides are.
    """
    share = _share(facts)
    decided = _decided(facts, share.percent)
    decided |= _spread(facts, share.percent, decided)
    weeks = tuple(_week(week, decided[week.number]) for week in facts.weeks)
    taught = _taught(facts)
    live = sum(each.form is WeekForm.LIVE for each in weeks)
    return Advice(
        run_id=facts.run_id,
        weeks=weeks,
        live_share=share.percent,
        reasons=share.reasons,
        path_version=facts.path_version,
        live_weeks=live,
        self_paced_weeks=taught - live,
        digest=_digest(facts, weeks),
    )


# The share of live weeks


def _share(facts: Facts) -> _Share:
    mode, nature = facts.delivery_mode, facts.nature
    if mode is not DeliveryMode.BLENDED:
        percent = ALL if mode is DeliveryMode.SYNCHRONOUS else NONE
        return _Share(percent, (reasons.of_delivery(mode, percent),))
    if nature is CourseNature.LAB:
        return _Share(ALL, (reasons.of_nature(nature, ALL),))
    return _bounded(_shifted(_first_share(facts), facts.wishes))


def _first_share(facts: Facts) -> _Share:
    """Return the share of a course that is no lab, before anybody wishes anything."""
    if facts.nature is CourseNature.LECTURE and facts.intake >= facts.large_intake:
        share = LARGE_LECTURE_SHARE
        return _Share(share, (reasons.of_large_intake(facts.intake, facts.large_intake, share),))
    return _Share(LIVE_SHARE, (reasons.of_nature(facts.nature, LIVE_SHARE),))


def _shifted(share: _Share, wishes: Wishes) -> _Share:
    if wishes.told < FEWEST_WISHES:
        return _Share(share.percent, (*share.reasons, reasons.of_few_wishes(FEWEST_WISHES)))
    balance = wishes.live - wishes.self_paced
    shift = _rounded(MOST_SHIFT * abs(balance), wishes.learners) * (1 if balance > 0 else -1)
    why = reasons.of_wishes(wishes.live, wishes.self_paced, wishes.learners, shift)
    return _Share(share.percent + shift, (*share.reasons, why))


def _bounded(share: _Share) -> _Share:
    percent = min(max(share.percent, LEAST_SHARE), MOST_SHARE)
    if percent == share.percent:
        return share
    why = reasons.of_bounds(share.percent, LEAST_SHARE, MOST_SHARE)
    return _Share(percent, (*share.reasons, why))


# The weeks

Decided = tuple[WeekForm, tuple[Reason, ...]]


def _decided(facts: Facts, percent: int) -> dict[int, Decided]:
    """Return the weeks that are decided whatever the share is, unless it is 0."""
    blocked = {week.number: why for week in facts.weeks for why in _blocking(facts, week)}
    teachable = [week.number for week in facts.weeks if week.number not in blocked]
    found: dict[int, Decided] = {
        number: (WeekForm.SELF_PACED, (why,)) for number, why in blocked.items()
    }
    if teachable and percent:
        found[teachable[-1]] = WeekForm.LIVE, (reasons.last_week(),)
        found[teachable[0]] = WeekForm.LIVE, (reasons.first_week(),)
    for each in facts.overrides:
        why = blocked.get(each.week)
        found[each.week] = (
            each.form,
            (reasons.of_override(each.reason), *([why] if why else [])),
        )
    return found


def _blocking(facts: Facts, week: Week) -> Iterator[Reason]:
    """Yield why a week can't be live, if it can't."""
    time = facts.times.get(week.number)
    if not week.days:
        yield reasons.no_teaching_day()
    elif time is not None and time.longest < LEAST_MINUTES:
        yield reasons.no_teacher(facts.teachers, time.longest, LEAST_MINUTES)


def _spread(facts: Facts, percent: int, decided: Mapping[int, Decided]) -> dict[int, Decided]:
    """Return the other weeks: as many of them live as are missing from the share."""
    weeks = _taught(facts)
    target = _rounded(percent * weeks, ALL)
    free = [week.number for week in facts.weeks if week.number not in decided]
    missing = max(0, target - sum(form is WeekForm.LIVE for form, _ in decided.values()))
    urgent = [number for number in free if facts.checkpoints.get(number + 1)]
    first = evenly(urgent, missing)
    rest = evenly([number for number in free if number not in urgent], missing - len(first))
    found: dict[int, Decided] = {}
    for number in free:
        is_live = number in (*first, *rest)
        minutes = facts.times.get(number, TeachingTime()).minutes
        why = [reasons.of_share(is_live, percent, target, weeks, minutes)]
        if number in first:
            why.insert(0, reasons.before_checkpoint(facts.checkpoints[number + 1]))
        found[number] = (WeekForm.LIVE if is_live else WeekForm.SELF_PACED), tuple(why)
    return found


def evenly(weeks: Sequence[int], count: int) -> list[int]:
    """Return `count` of some weeks, evenly spread; all of them if there are no more."""
    most = len(weeks)
    count = min(count, most)
    steps = [_rounded(place * count, most) for place in range(most + 1)] if most else []
    return [week for place, week in enumerate(weeks) if steps[place + 1] > steps[place]]


def _week(week: Week, decided: Decided) -> WeekAdvice:
    first, last = (week.days[0], week.days[-1]) if week.days else ("", "")
    form, why = decided
    return WeekAdvice(week.number, first, last, form, why)


def _taught(facts: Facts) -> int:
    return sum(bool(week.days) for week in facts.weeks)


def _rounded(part: int, whole: int) -> int:
    """Return the quotient of two numbers that are not negative, rounded, a half up."""
    return (2 * part + whole) // (2 * whole)


def _digest(facts: Facts, weeks: Sequence[WeekAdvice]) -> str:
    """Return the digest of what is advised, without the numbers that led to it: one more enrolment
    that changes no week does not make what was read another advice.
    """
    said = [
        (each.week, each.first_day, each.last_day, each.form, [why.code for why in each.reasons])
        for each in weeks
    ]
    overrides = sorted((each.week, each.form, each.reason) for each in facts.overrides)
    text = repr((facts.run_id, facts.path_version, said, overrides))
    return sha256(text.encode()).hexdigest()
