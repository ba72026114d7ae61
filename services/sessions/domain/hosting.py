"""The online meetings of sessions: how far each is, and what its next step is."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.sessions.domain.enums import SessionState
from services.sessions.domain.meetings import ProviderMeeting
from services.sessions.domain.online import is_online
from services.sessions.domain.session import Session
from services.sessions.domain.skew import Skew

HOSTS = 5
"""People of the staff for whom a meeting has room beside its learners."""
PLACE_AGAIN = timedelta(minutes=1)
REFUSED_AGAIN = timedelta(minutes=5)
LOOK_FIRST, LOOK_LONGEST = timedelta(minutes=5), timedelta(hours=2)
LOOK_FOR = timedelta(days=1)
"""How long after the end of a class its recordings are looked for, unless the provider tells."""
UNENDED, OVERRUN = timedelta(hours=1), timedelta(minutes=10)
NOT_TRIED = "it has not been made yet: no process of the role meetings has got to it"


class MeetingState(StrEnum):
    """How far a meeting is."""

    WANTED = "WANTED"
    MADE = "MADE"
    FAILED = "FAILED"
    """It could not be made; it is tried again."""
    ENDED = "ENDED"


class Step(StrEnum):
    """What is to be done for a meeting; each is a lane of jobs."""

    PLACE = "place"
    MAKE = "make"
    END = "end"
    LOOK = "look"
    """Look for recordings."""


@dataclass(frozen=True, slots=True)
class MadeMeeting:
    """A meeting that exists at a provider, and the server that has it."""

    server: str
    meeting: ProviderMeeting = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """Return by what its server's news name it: the server, and its id there."""
        return self.server, self.meeting.external_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """The online meeting of one session."""

    id: str
    """The session's."""
    run_id: str
    start_time: datetime
    end_time: datetime
    state: MeetingState = MeetingState.WANTED
    server: str = ""
    """The server on which it has room; empty: none yet."""
    need: int = 0
    """For how many people it has room there."""
    avoided: str = ""
    """A server that was away when it was to be made there."""
    made: MadeMeeting | None = None
    earlier: tuple[MadeMeeting, ...] = ()
    """What was made before for the same class and ended too early: its recordings count, too."""
    former: MadeMeeting | None = None
    """What was made before the session moved or was cancelled, and is to be ended."""
    skew: Skew | None = None
    """How far the provider's clock is ahead; None: it does not tell."""
    reason: str = ""
    """Why it could not be made."""
    told: bool = False
    """Whether it was told that it could not be made."""
    next_at: datetime | None = None
    """When its next step is due; None: before the start, or there is none."""
    looks: int = 0
    """How often its recordings were looked for."""

    @property
    def all_made(self) -> tuple[MadeMeeting, ...]:
        """Return all that was made for its class, the newest last."""
        return (*self.earlier, self.made) if self.made else self.earlier

    @property
    def all_made_by_server(self) -> dict[str, list[ProviderMeeting]]:
        """Return what each server has made for its class."""
        found: dict[str, list[ProviderMeeting]] = {}
        for each in self.all_made:
            found.setdefault(each.server, []).append(each.meeting)
        return found


def is_hosted(session: Session) -> bool:
    """Return whether a session's meeting is made by a provider."""
    return is_online(session) and not session.join_url


def followed(before: Meeting | None, session: Session, now: datetime) -> Meeting | None:
    """Return the meeting of a hosted session after its plan or state has changed; None: it has
    none.
    """
    if session.state is SessionState.CANCELLED:
        return _dropped(before, now)
    if session.state is SessionState.ENDED:
        return _over(before, now)
    wanted = Meeting(
        id=session.id,
        run_id=session.run_id,
        start_time=session.start_time,
        end_time=session.end_time,
    )
    if before is None:
        return wanted
    if (before.start_time, before.end_time) == (session.start_time, session.end_time):
        return before
    former = before.made or before.former
    return replace(wanted, former=former, next_at=now if former else None)


def step_of(meeting: Meeting) -> Step:
    """Return the next step of a meeting that has one."""
    if meeting.former is not None or meeting.state is MeetingState.MADE:
        return Step.END
    if meeting.state is MeetingState.ENDED:
        return Step.LOOK
    return Step.MAKE if meeting.server else Step.PLACE


def target_of(meeting: Meeting) -> str:
    """Return the server that the next step asks; empty: none."""
    if meeting.former is not None:
        return meeting.former.server
    return meeting.server


def due_at(meeting: Meeting, at: datetime | None) -> Meeting:
    """Return a meeting whose next step is due at an instant; None: it is given to a process."""
    return replace(meeting, next_at=at)


def told(meeting: Meeting) -> Meeting:
    """Return a meeting of which it was told that it could not be made."""
    return replace(meeting, told=True)


def placed(meeting: Meeting, server: str, need: int) -> Meeting:
    """Return a meeting for which a server keeps room for some people."""
    return replace(meeting, server=server, need=need, next_at=None)


def made(meeting: Meeting, found: ProviderMeeting, skew: Skew | None) -> Meeting:
    """Return a meeting that its server has made."""
    new = MadeMeeting(meeting.server, found)
    return replace(
        meeting,
        state=MeetingState.MADE,
        made=new,
        earlier=tuple(each for each in meeting.all_made if each.key != new.key),
        skew=skew or meeting.skew,
        reason="",
        told=False,
        # Who holds the class ends it; this is for classes that nobody ends.
        next_at=meeting.end_time + UNENDED,
    )


def failed(meeting: Meeting, reason: str, again: datetime) -> Meeting:
    """Return a meeting that could not be made, and is tried again, perhaps elsewhere."""
    later = again if again < meeting.end_time else None
    return replace(
        meeting,
        state=MeetingState.FAILED,
        server="",
        need=0,
        avoided=meeting.server,
        reason=reason,
        next_at=later,
    )


def away(meeting: Meeting, reason: str, now: datetime) -> Meeting:
    """Return a meeting whose server is away: another one is looked for at once."""
    tried = failed(meeting, reason, now)
    return replace(tried, state=meeting.state)


def after_end(meeting: Meeting, session: Session, now: datetime) -> Meeting:
    """Return a meeting after its server ended it, or what it was before its session moved."""
    if meeting.former is not None:
        return replace(meeting, former=None, next_at=None)
    found = replace(meeting, state=MeetingState.ENDED)
    return replace(found, next_at=next_look(found, now) if session.recorded else None)


def ended_early(meeting: Meeting, session: Session, now: datetime) -> Meeting | None:
    """Return a meeting that its provider ended before its class was over, to be made again; None if
    it is not needed any more.

    BigBlueButton ends a meeting in which nobody is. It also tells the end of one that it was asked
    to end, maybe before that is stored here: then the class is over.
    """
    is_over = session.state not in (SessionState.SCHEDULED, SessionState.LIVE)
    if meeting.state is not MeetingState.MADE or is_over or now >= meeting.end_time:
        return None
    return replace(meeting, state=MeetingState.WANTED, next_at=now)


def is_present(meeting: Meeting, server: str, external_id: str) -> bool:
    """Return whether a meeting is what a server knows by an id, and not only was it earlier."""
    return meeting.made is not None and meeting.made.key == (server, external_id)


def runs_over(session: Session) -> bool:
    """Return whether a session goes on, though its meeting was to be ended by now."""
    return session.state is SessionState.LIVE


def looked(meeting: Meeting, now: datetime) -> Meeting:
    """Return a meeting whose recordings were looked for now."""
    once = replace(meeting, looks=meeting.looks + 1)
    return replace(once, next_at=next_look(once, now))


def next_look(meeting: Meeting, now: datetime) -> datetime | None:
    """Return when recordings are looked for next, at growing distances; None: no more."""
    pause = min(LOOK_FIRST * 2 ** min(meeting.looks, 10), LOOK_LONGEST)
    return now + pause if now + pause <= meeting.end_time + LOOK_FOR else None


def corrected(meeting: Meeting, at: datetime) -> datetime:
    """Return an instant of the provider's clock by the platform's, in stored milliseconds."""
    exact = meeting.skew.corrected(at) if meeting.skew else at
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)


def _dropped(before: Meeting | None, now: datetime) -> Meeting | None:
    former = (before.made or before.former) if before else None
    if before is None or former is None:
        return None
    return replace(before, state=MeetingState.ENDED, made=None, former=former, next_at=now)


def _over(before: Meeting | None, now: datetime) -> Meeting | None:
    """Return a meeting whose class has ended; one that was never made is not needed any more."""
    if before is None or before.state is MeetingState.ENDED:
        return before
    if before.made is not None:
        return replace(before, next_at=now)
    return _dropped(before, now)
