"""Settling: a class that has ended gets its attendance in parts, however many learners it has.

The parts go through the learners by their ids, each in a unit of work of its own. A first pass
settles everyone who was expected or came. Then a few sweeps look for marks whose units of work had
begun before the end and were committed after their learner's part.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import timedelta

from services.sessions.domain.attendance import Attendance
from services.sessions.domain.events import SettledAttendance
from services.sessions.domain.roster import Enrolment, is_expected

# Learners in one unit of work, which then takes a tenth of a second.
LEARNERS = 1_000
# Marks in one unit of work, unless one learner alone has more: some ten megabytes.
PRESENCE_EVENTS = 20_000
# Learners in one event. A learner's id has up to 128 characters, each up to six bytes in JSON, so
# that 250 of them stay below an event's 256 KiB however odd the ids are.
LEARNERS_PER_EVENT = 250
# MongoDB ends a transaction after 60 seconds (transactionLifetimeLimitSeconds): sweeps for 90
# seconds see what every transaction wrote that had begun before the end.
SWEEPS, SWEEP = 9, timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Finalisation:
    """How far the settling of a session is; none is kept once it is over."""

    id: str
    """The session."""
    run_id: str
    after: str = ""
    """The last learner whom the first pass has settled."""
    part: int = 0
    """How many parts were told."""
    passed: bool = False
    """Whether the first pass is over."""
    sweeps: int = 0
    """How often it was looked for late ones since."""

    def has_passed(self, learner_id: str) -> bool:
        """Whether a learner's part is over."""
        return self.passed or learner_id <= self.after


@dataclass(frozen=True, slots=True)
class Candidates:
    """The next learners of a session whom settling has to look at."""

    learner_ids: Sequence[str]
    """In their order."""
    usual: Set[str]
    """Those who are enrolled now, and usually come or join."""
    seated: Set[str]
    """Those who have or wait for a seat."""
    noted: Mapping[str, Enrolment]
    """Enrolments as they were when the session ended, of those that changed since."""

    def expected(self, enrolments: Mapping[str, Enrolment]) -> set[str]:
        """Who was expected when the session ended: seats don't change since, enrolments may.

        `enrolments`: those of `unclear`.
        """
        known = {**enrolments, **self.noted}
        return {
            one
            for one in self.learner_ids
            if (one in self.usual and one not in self.noted)
            or is_expected(known.get(one), one in self.seated)
        }

    @property
    def unclear(self) -> Set[str]:
        """Those with a seat of whom it depends on their enrolment."""
        return self.seated - self.usual - self.noted.keys()


@dataclass(frozen=True, slots=True)
class Chunk:
    """The learners of one unit of work."""

    learner_ids: Sequence[str]
    last: bool


def chunk_of(learner_ids: Sequence[str], presence_events: Mapping[str, int]) -> Chunk:
    """The next part: up to `LEARNERS` of the ids, as long as they have up to `MARKS` marks.

    `learner_ids`: the next ones in order, one more than fit where there are more. `marks`: how
    many each has.
    """
    total, fitting = 0, 0
    for learner_id in learner_ids[:LEARNERS]:
        total += presence_events.get(learner_id, 0)
        if fitting and total > PRESENCE_EVENTS:
            break
        fitting += 1
    return Chunk(learner_ids[:fitting], fitting == len(learner_ids))


def advanced(finalisation: Finalisation, chunk: Chunk, event_count: int) -> Finalisation:
    """The settlement after a part of the first pass that was told in `told` events."""
    return replace(
        finalisation,
        after=chunk.learner_ids[-1] if chunk.learner_ids else finalisation.after,
        part=finalisation.part + event_count,
        passed=chunk.last,
    )


def swept(finalisation: Finalisation) -> Finalisation | None:
    """The settlement after a sweep that found nobody; None when it was the last one."""
    after = replace(finalisation, sweeps=finalisation.sweeps + 1)
    return after if after.sweeps < SWEEPS else None


@dataclass(frozen=True, slots=True)
class EventPart:
    """One event's worth of settled attendance."""

    part: int
    """Its number, from 1."""
    parts: int
    """How many there are, where this is the last one; else 0."""
    learners: tuple[SettledAttendance, ...]


def event_parts(rows: Sequence[Attendance], before: int, last: bool) -> Iterator[EventPart]:
    """A unit of work's rows as events carry them; `before`: how many were told before.

    The last unit of work has one at least, be it empty, which tells how many there were.
    """
    count = -(-len(rows) // LEARNERS_PER_EVENT) or int(last)
    for number in range(1, count + 1):
        some = rows[(number - 1) * LEARNERS_PER_EVENT : number * LEARNERS_PER_EVENT]
        learners = tuple(SettledAttendance(r.learner_id, r.verdict, r.minutes) for r in some)
        ends = last and number == count
        yield EventPart(before + number, before + number if ends else 0, learners)
