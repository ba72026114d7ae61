"""Whether the rule of falling behind foretells who withdraws or fails, in real courses.

At each fifth of a presentation: of those who are registered then, precision, recall and F1 of "is
behind" for who later withdraws or fails, beside "no click for two weeks" (where the files have no
clicks: "the last due assessment is not handed in"). The rule is the product's; it judges each
student each day, and knows of each day only what had happened before.

The limits were tuned on TUNED (falling_behind_tuning.py), and on nothing else.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from bench.figures import REPORTED, Figure
from bench.oulad_learners import Presentation, Student, read
from campus.output import console
from services.progress.domain.falling_behind import Facts, Rule, judged

FOLDER = Path(__file__).resolve().parents[2] / "shared/data/oulad"
TUNED = ("AAA 2013J", "BBB 2013B")
# The presentations of the report whose clicks are known, with the fifths until which they are.
CLICKED = {"AAA 2014J": 4, "BBB 2013J": 2}
FIFTHS = range(1, 5)
TWO_WEEKS = 14

Judge = Callable[[Student, int], bool]


@dataclass(frozen=True)
class Foretold:
    """How many were named rightly, wrongly, and missed."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Return the share of those named who later withdrew or failed; 0 if nobody was named."""
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """Return the share of those who later withdrew or failed that was named."""
        return self.right / max(1, self.right + self.missed)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of both."""
        return 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)


@dataclass(frozen=True)
class Instant:
    """What was known at the beginning of one day."""

    day: int
    facts: Mapping[Student, Facts]
    """Of those who were registered."""


def instant(presentation: Presentation, day: int) -> Instant:
    """Return what the product would have known at the beginning of a day.

    There were no live classes. Where nothing is known of clicks, a hand-in is all that ends a
    silence, the median learner's too.
    """
    registered = [each for each in presentation.students if each.is_registered(day)]
    silences = [each.silence(day) for each in registered]
    median_silence = _median(silences) if silences else None
    facts = {
        each: Facts(
            dues=each.due_until(day),
            overdue=each.overdue(day),
            least_delay=each.least_delay(day),
            silence=silence,
            median_silence=median_silence,
        )
        for each, silence in zip(registered, silences, strict=True)
    }
    return Instant(day, facts)


def _median(times: Iterable[timedelta]) -> timedelta:
    return timedelta(seconds=median(each.total_seconds() for each in times))


def behind_at(at: Instant, rule: Rule, before: Collection[Student] = ()) -> set[Student]:
    """Return who is behind; `before`: who was behind when they were judged last."""
    return {each for each, facts in at.facts.items() if judged(facts, rule, each in before)}


def behind_by_day(
    presentation: Presentation, rule: Rule, last: int
) -> Iterator[tuple[Instant, set[Student]]]:
    """Yield each day from the first to the last, with who is behind."""
    behind: set[Student] = set()
    for day in range(1, last + 1):
        at = instant(presentation, day)
        behind = behind_at(at, rule, behind)
        yield at, behind


def has_not_clicked(student: Student, day: int) -> bool:
    """Return whether the student has no click in the two weeks before the day."""
    before = bisect_left(student.clicks, day)
    return not before or student.clicks[before - 1] < day - TWO_WEEKS


def lacks_last_due(student: Student, day: int) -> bool:
    """Return whether an assessment of the last due is not handed in."""
    due = [each for each in student.work if each.due < day]
    return any(each.handed_in >= day for each in due if each.due == due[-1].due)


def foretold(at: Instant, named: Collection[Student]) -> Foretold:
    """Return how well naming some students foretold who withdrew or failed later."""
    failed = {each for each in at.facts if each.failed}
    right = len(failed.intersection(named))
    return Foretold(right, len(named) - right, len(failed) - right)


def baseline(presentation: Presentation, at: Instant) -> set[Student]:
    """Return whom the simple rule names."""
    names: Judge = has_not_clicked if presentation.has_clicks else lacks_last_due
    return {each for each in at.facts if names(each, at.day)}


def compared(
    presentation: Presentation, fifths: Iterable[int], rule: Rule
) -> Iterator[tuple[int, Foretold, Foretold]]:
    """Yield each fifth with what the rule foretold, and the baseline."""
    days = {presentation.at(fifth): fifth for fifth in fifths}
    for at, behind in behind_by_day(presentation, rule, max(days)):
        if at.day in days:
            other = foretold(at, baseline(presentation, at))
            yield days[at.day], foretold(at, behind), other


def measure() -> Iterator[Figure]:
    """Yield the figures of each presentation that was not tuned on, at each fifth."""
    if not FOLDER.is_dir():
        console.print(f"skipped: the Open University dataset is not in {FOLDER}")
        return
    for presentation, fifths in reported(read(FOLDER)):
        for fifth, ours, other in compared(presentation, fifths, Rule()):
            yield from figures(f"behind, {presentation.name} at {fifth * 20} %", ours, other)


def reported(all_of_them: dict[str, Presentation]) -> Iterator[tuple[Presentation, Iterable[int]]]:
    """Yield what is reported, with its fifths: by clicks and hand-ins as far as the files have
    clicks, by hand-ins alone elsewhere.
    """
    for name, last in CLICKED.items():
        yield all_of_them[name], FIFTHS[:last]
    for name, presentation in all_of_them.items():
        later = FIFTHS[CLICKED.get(name, 0) :]
        if name not in TUNED and later:
            yield presentation.by_hand_ins(), later


def figures(name: str, ours: Foretold, other: Foretold) -> Iterator[Figure]:
    """Yield F1 beside the baseline's, and precision and recall of both; nothing before the first
    due, where neither names anybody.
    """
    if not ours.f1 and not other.f1:
        return
    ratio = round(ours.f1 / other.f1, 2) if other.f1 else None
    met = ours.f1 > other.f1
    yield Figure(f"{name}: F1", round(ours.f1, 3), round(other.f1, 3), "", ratio, "better", met)
    for what, a, b in (
        ("precision", ours.precision, other.precision),
        ("recall", ours.recall, other.recall),
    ):
        yield Figure(f"{name}: {what}", round(a, 3), round(b, 3), "", None, REPORTED, True)
