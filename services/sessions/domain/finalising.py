"""Finalising the attendance of an ended class in chunks, however many learners it has.

The chunks go through the learners by their ids, each in its own unit of work. A first pass
finalises everyone who was expected or came. Then a few sweeps look for presence events whose units
of work began before the end and were committed after their learner's chunk.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.sessions.domain.attendance import Attendance, stretches_told
from services.sessions.domain.events import SettledAttendance
from services.sessions.domain.roster import Enrolment, is_expected

# Learners in one unit of work, which takes about a tenth of a second.
LEARNERS = 1_000
# Presence events in one unit of work, unless one learner alone has more: about ten megabytes.
PRESENCE_EVENTS = 20_000
# Learners in one event. A learner's id has up to 128 characters, each up to six bytes in JSON, so
# 250 of them stay below an event's 256 KiB with any ids.
LEARNERS_PER_EVENT = 250
# About how many bytes the rows of one event may have, so that its body stays below 256 KiB; the
# estimate of a row is rather too large. Stretches make rows larger, and so the parts shorter.
ROOM, PER_ROW, PER_STRETCH = 225_000, 130, 44
# MongoDB ends a transaction after 60 seconds (transactionLifetimeLimitSeconds): sweeps during 90
# seconds see the writes of every transaction that began before the end.
SWEEPS, SWEEP = 9, timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Finalisation:
    """The state of a session's finalisation; it is deleted when the finalisation is over."""

    id: str
    """The id of the session."""
    run_id: str
    after: str = ""
    """The last learner whom the first pass has finalised."""
    part: int = 0
    """The number of parts that were published as events."""
    passed: bool = False
    """True when the first pass is over."""
    sweeps: int = 0
    """The number of sweeps since then that found nothing."""

    def has_passed(self, learner_id: str) -> bool:
        """Return whether the first pass has passed a learner."""
        return self.passed or learner_id <= self.after


@dataclass(frozen=True, slots=True)
class Candidates:
    """The next learners of a session for the first pass."""

    learner_ids: Sequence[str]
    """The learners, in order."""
    usual: Set[str]
    """Those who are enrolled now, with a mode in which they usually come or join, in a group that
    the session is for.
    """
    seated: Set[str]
    """Those who have a seat."""
    waiting: frozenset[str]
    """Those who only wait for a seat: they could not come, so they are not expected."""
    noted: Mapping[str, Enrolment]
    """Enrolments as they were when the session ended, if they changed since."""
    group_ids: tuple[str, ...] = ()
    """The groups that the session is for; empty: the whole run."""

    def expected(self, enrolments: Mapping[str, Enrolment]) -> set[str]:
        """Return who was expected when the session ended; enrolments may have changed since.

        `enrolments`: those of the `unclear` learners.
        """
        known = {**enrolments, **self.noted}
        return {
            one
            for one in self.learner_ids
            if one not in self.waiting
            and (
                (one in self.usual and one not in self.noted)
                or is_expected(known.get(one), one in self.seated, self.group_ids)
            )
        }

    @property
    def unclear(self) -> Set[str]:
        """Return the learners with a seat who are expected only if they are enrolled."""
        return self.seated - self.usual - self.noted.keys()


@dataclass(frozen=True, slots=True)
class Chunk:
    """The learners of one unit of work."""

    learner_ids: Sequence[str]
    last: bool


def chunk_of(learner_ids: Sequence[str], presence_events: Mapping[str, int]) -> Chunk:
    """Return the next chunk: up to `LEARNERS` ids, with up to `PRESENCE_EVENTS` presence events.

    `learner_ids`: the next ones in order, one more than fit if there are more. `presence_events`:
    how many each learner has.
    """
    total, fitting = 0, 0
    for learner_id in learner_ids[:LEARNERS]:
        total += presence_events.get(learner_id, 0)
        if fitting and total > PRESENCE_EVENTS:
            break
        fitting += 1
    return Chunk(learner_ids[:fitting], fitting == len(learner_ids))


def advanced(finalisation: Finalisation, chunk: Chunk, event_count: int) -> Finalisation:
    """Return the finalisation after a chunk that was published in `event_count` events."""
    return replace(
        finalisation,
        after=chunk.learner_ids[-1] if chunk.learner_ids else finalisation.after,
        part=finalisation.part + event_count,
        passed=chunk.last,
    )


def swept(finalisation: Finalisation) -> Finalisation | None:
    """Return the finalisation after a sweep that found nobody; None after the last sweep."""
    after = replace(finalisation, sweeps=finalisation.sweeps + 1)
    return after if after.sweeps < SWEEPS else None


@dataclass(frozen=True, slots=True)
class EventPart:
    """The content of one event of final attendance."""

    part: int
    """The number of the part, from 1."""
    parts: int
    """The number of all parts, if this is the last one; else 0."""
    learners: tuple[SettledAttendance, ...]


def settled_rows(
    rows: Iterable[Attendance], waiting: Set[str], started_at: datetime | None
) -> list[SettledAttendance]:
    """Return a chunk's learners for events, in order: those with attendance, and those who only
    waited for a seat and have none.

    `started_at`: when the class really began.
    """
    told = {one: SettledAttendance(one, None, 0.0, waited=True) for one in waiting}
    for row in rows:
        told[row.learner_id] = SettledAttendance(
            row.learner_id,
            row.verdict,
            row.minutes,
            attended=stretches_told(row, started_at),
        )
    return [told[one] for one in sorted(told)]


def event_parts(rows: Sequence[SettledAttendance], before: int, last: bool) -> Iterator[EventPart]:
    """Yield a chunk's rows as parts for events; `before`: how many parts there were before.

    The last chunk has at least one part, perhaps empty, which says how many parts there were.
    """
    parts = list(_fitting(rows)) or [()] * int(last)
    for number, learners in enumerate(parts, before + 1):
        ends = last and number == before + len(parts)
        yield EventPart(number, number if ends else 0, learners)


def _fitting(rows: Iterable[SettledAttendance]) -> Iterator[tuple[SettledAttendance, ...]]:
    """Yield the rows in groups that each fit into one event."""
    part: list[SettledAttendance] = []
    room = ROOM
    for row in rows:
        size = _size(row)
        if part and (len(part) == LEARNERS_PER_EVENT or size > room):
            yield tuple(part)
            part, room = [], ROOM
        part.append(row)
        room -= size
    if part:
        yield tuple(part)


def _size(row: SettledAttendance) -> int:
    """Return about how many bytes it takes in an event; a character may need six in JSON."""
    return PER_ROW + 6 * len(row.learner_id) + PER_STRETCH * len(row.attended)
