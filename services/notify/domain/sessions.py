"""Replicas of live classes, their reminders, and broadcasts to everyone in a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.runs import is_for
from services.notify.domain.enums import AttendanceMode, EnrolmentState, Kind, SessionPurpose
from services.notify.domain.notices import About, Notice
from services.notify.domain.people import Enrolment
from services.notify.domain.values import Reminder as ReminderValues

LIVE_MODES = frozenset({AttendanceMode.CLASSROOM, AttendanceMode.ONLINE})
ALL_MODES = frozenset(AttendanceMode)


@dataclass(frozen=True, slots=True)
class Session:
    """The fields of a live class that messages need."""

    id: str
    run_id: str
    title: str
    instructor_id: str
    start_time: datetime
    end_time: datetime
    """When it is to end; when it ended, if that was earlier."""
    room: str
    join_url: str
    standing: bool
    """True until it is cancelled, starts or ends."""
    event_id: str
    """The event that set its time."""
    event_type: str
    sequence: int
    """The version of the session that this replica has."""
    cancelled: bool = False
    group_ids: tuple[str, ...] = ()
    """The groups of the run that it is for; empty: the whole run."""
    purpose: SessionPurpose | None = None
    """None: a class."""
    heard: int | None = None
    """The sequence of the newest news of it, if a resync told its state since; None: `sequence`."""

    @property
    def newest_news(self) -> int:
        """Return the sequence of the newest news of it: people were told of no later one."""
        return self.sequence if self.heard is None else self.heard


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of a session, to be sent to its run when it is due."""

    id: str
    session_id: str
    fire_at: datetime
    start_time: datetime
    event_id: str
    """Of the event that set the session's time, with the lead: each is an event of its own."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One notice to everyone in a run, sent in chunks so that no unit of work is large."""

    id: str
    """The notice's event."""
    run_id: str
    notice: Notice
    urgent: bool
    modes: tuple[AttendanceMode, ...]
    """Learners with one of these modes are notified."""
    at: datetime
    """Learners who were enrolled by this time are notified."""
    until: datetime
    """After this time the broadcast no longer waits for people who are not known yet."""
    waiting: tuple[str, ...] = ()
    """Further people to notify: the instructor, and those that the walk through the roster
    missed."""
    after: str = ""
    """The last learner whom the walk has put into a chunk."""
    walked: bool = False
    done: bool = False
    retry_at: datetime | None = None
    """When the broadcast is tried again, by the system's clock."""
    quiet_modes: tuple[AttendanceMode, ...] = ()
    """Learners with these modes only are notified in the inbox only, and not urgently."""
    instructor_id: str = ""
    """The session's instructor, who is notified like a learner who is expected."""
    group_ids: tuple[str, ...] = ()
    """Learners of one of these groups are notified; empty: of the whole run."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a run's roster that gets a broadcast, as a job of its own."""

    id: str
    broadcast_id: str
    urgent: bool
    after: str
    upto: str
    """The chunk contains the learners whose ids are greater than `after`, up to this one."""
    run_id: str = ""
    """Runs take turns; empty: in a chunk of an older version."""


def unexpected(purpose: SessionPurpose | None) -> tuple[AttendanceMode, ...]:
    """Return the modes of learners who are not expected in a session for a purpose, in order."""
    return tuple(sorted(ALL_MODES if purpose is SessionPurpose.HELP else ALL_MODES - LIVE_MODES))


def is_quiet(broadcast: Broadcast, person_id: str, modes: Iterable[AttendanceMode]) -> bool:
    """Return whether a broadcast is quiet for a person who has a place in its run in these
    modes.
    """
    held = set(modes)
    is_instructor = person_id == broadcast.instructor_id
    return bool(held) and held <= set(broadcast.quiet_modes) and not is_instructor


def chunk_of(broadcast: Broadcast, learners: Sequence[str]) -> Chunk:
    """Return the chunk after a broadcast's last one, with these learners, in order."""
    return Chunk(
        id=f"{broadcast.id}:{broadcast.after}",
        broadcast_id=broadcast.id,
        urgent=broadcast.urgent,
        after=broadcast.after,
        upto=learners[-1],
        run_id=broadcast.run_id,
    )


def reminders_of(session: Session, leads: Iterable[timedelta], now: datetime) -> list[Reminder]:
    """Return a reminder for each lead time that is still to come."""
    return [
        Reminder(
            id=f"{session.id}:{_hours(lead)}",
            session_id=session.id,
            fire_at=session.start_time - lead,
            start_time=session.start_time,
            event_id=f"{session.event_id}:{_hours(lead)}",
        )
        for lead in leads
        if session.start_time - lead > now
    ]


def is_as_it_was(known: Session, session: Session) -> bool:
    """Return whether a session is to come, or is not, at the time and place that are known."""
    same = ("standing", "cancelled", "start_time", "room", "instructor_id")
    return all(getattr(known, name) == getattr(session, name) for name in same) and (
        not session.standing or known.end_time == session.end_time
    )


def as_told(known: Session, session: Session) -> Session:
    """Return a session that is as it was: people were told of it by the known event, and one that
    is over has the end that it had.
    """
    return replace(
        session,
        end_time=known.end_time,
        event_id=known.event_id,
        event_type=known.event_type,
    )


def overtaken(reminder: Reminder, others: Iterable[Reminder], now: datetime) -> bool:
    """Return whether a later reminder of the session is due as well: after an outage, one
    reminder is enough.
    """
    return any(reminder.fire_at < other.fire_at <= now for other in others)


def reminder_notice(event_id: str, session: Session) -> Notice:
    """Return the notice of a reminder."""
    values: ReminderValues = {
        "session": session.title,
        "start_time": session.start_time,
        "room": session.room,
        "join_url": session.join_url,
    }
    return Notice(
        event_id,
        session.event_type,
        Kind.REMINDER,
        values,
        About(
            Kind.REMINDER,
            session.id,
            session.start_time,
            session.end_time,
            session.room,
            sequence=session.sequence,
        ),
        session.run_id,
    )


def concerns(broadcast: Broadcast, enrolment: Enrolment, since: datetime) -> bool:
    """Return whether a learner with this place and these groups since then should have got the
    broadcast.
    """
    if broadcast.group_ids and (
        not is_for(broadcast.group_ids, enrolment.group_ids)
        or (enrolment.groups_since is not None and enrolment.groups_since > broadcast.at)
    ):
        return False
    return (
        broadcast.run_id == enrolment.run_id
        and enrolment.state == EnrolmentState.ENROLLED
        and enrolment.mode in broadcast.modes
        and since <= broadcast.at
    )


def _hours(lead: timedelta) -> str:
    return f"{lead.total_seconds() / 3600:g}h"
