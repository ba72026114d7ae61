"""The reasons of an advice on delivery: a code, an English sentence, and the numbers it used."""

from dataclasses import dataclass

from services.catalog.domain.enums import AdviceReasonCode as Code
from services.catalog.domain.enums import CourseNature, DeliveryMode


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that a reason used; shares are in percent."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an advice is as it is."""

    code: Code
    words: str
    figures: tuple[Figure, ...] = ()


_NATURES = {
    CourseNature.LECTURE: "A lecture is live in about every second week; in the others learners"
    " study alone.",
    CourseNature.SEMINAR: "A seminar alternates: it meets in one week, and prepares in the next.",
    CourseNature.LAB: "A lab is live, because learners need its equipment.",
    None: "The course does not tell its nature, so about every second week is live.",
}
_DELIVERIES = {
    DeliveryMode.SYNCHRONOUS: "The run is SYNCHRONOUS, so each week is live in which somebody can"
    " teach.",
    DeliveryMode.ASYNCHRONOUS: "The run is ASYNCHRONOUS, so no week is live.",
}


def of_delivery(mode: DeliveryMode, share: int) -> Reason:
    """Return the reason of a run that is not BLENDED."""
    return Reason(Code.DELIVERY_MODE, _DELIVERIES[mode], _figures(share=share))


def of_nature(nature: CourseNature | None, share: int) -> Reason:
    """Return the reason that the course's nature gives."""
    return Reason(Code.NATURE, _NATURES[nature], _figures(share=share))


def of_large_intake(intake: int, least: int, share: int) -> Reason:
    """Return the reason of a lecture for many learners."""
    words = (
        f"{intake} learners are a large lecture (from {least}), in which few can ask: about every"
        " fourth week is live."
    )
    return Reason(Code.LARGE_INTAKE, words, _figures(intake=intake, least=least, share=share))


def of_wishes(live: int, self_paced: int, learners: int, shift: int) -> Reason:
    """Return the reason that the wishes of learners give. `shift`: percentage points."""
    words = (
        f"Of {learners} learners {live} wish live classes and {self_paced} self-paced study, which"
        f" changes the share of live weeks by {shift} percentage points."
    )
    figures = _figures(live_wishes=live, self_paced_wishes=self_paced, learners=learners)
    return Reason(Code.WISHES, words, (*figures, Figure("shift", shift)))


def of_few_wishes(least: int) -> Reason:
    """Return the reason why no wishes count. How many there are would tell who wishes what."""
    words = f"Fewer than {least} learners wish a mode, so wishes change nothing."
    return Reason(Code.FEW_WISHES, words, _figures(least=least))


def of_bounds(wanted: int, least: int, most: int) -> Reason:
    """Return the reason why the share is another than the wishes give."""
    words = (
        f"A share of {wanted} % is outside of {least} % to {most} %, for which studies found that"
        " learners learn as much."
    )
    return Reason(Code.BOUNDS, words, _figures(wanted=wanted, least=least, most=most))


def of_override(reason: str) -> Reason:
    """Return the reason that staff gave."""
    return Reason(Code.OVERRIDDEN, f"Staff decided it: {reason}")


def no_teaching_day() -> Reason:
    """Return the reason of a week that is a break."""
    return Reason(Code.NO_TEACHING_DAY, "The week has no working day in the run.")


def no_teacher(teachers: int, longest: int, least: int) -> Reason:
    """Return the reason of a week in which nobody can hold a class. Times are in minutes."""
    words = (
        f"None of the {teachers} teachers can teach for {least} minutes on a working day of the"
        f" week; the longest time is {longest} minutes."
    )
    figures = _figures(teachers=teachers, longest_minutes=longest, least_minutes=least)
    return Reason(Code.NO_TEACHER, words, figures)


def first_week() -> Reason:
    """Return the reason of the first week that can be live."""
    return Reason(Code.FIRST_WEEK, "In the first week, learners and teachers meet.")


def last_week() -> Reason:
    """Return the reason of the last week that can be live."""
    return Reason(Code.LAST_WEEK, "In the last week, what is open is asked and answered.")


def before_checkpoint(checkpoints: int) -> Reason:
    """Return the reason of a week before one in which checkpoints are due."""
    words = f"Checkpoints are due in the week after: {checkpoints}."
    return Reason(Code.BEFORE_CHECKPOINT, words, _figures(checkpoints=checkpoints))


def of_share(is_live: bool, share: int, target: int, weeks: int, minutes: int) -> Reason:
    """Return the reason of a week that is, or is not, one of those that make up the share."""
    words = (
        f"Of {weeks} weeks {target} are to be live ({share} %), evenly spread; this is"
        f" {'one' if is_live else 'none'} of them."
    )
    figures = _figures(weeks=weeks, target=target, share=share, minutes=minutes)
    return Reason(Code.SHARE, words, figures)


def _figures(**numbers: int) -> tuple[Figure, ...]:
    return tuple(Figure(name, value) for name, value in numbers.items())
