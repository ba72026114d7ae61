"""A person joins an online class, by a link of the person's own."""

from collections.abc import Callable
from dataclasses import dataclass

from chassis.errors import FailedPrecondition, NotFound
from services.sessions.domain.enums import SessionState
from services.sessions.domain.hosting import Meeting, MeetingState, is_hosted
from services.sessions.domain.joining import PersonalLink, works
from services.sessions.domain.meetings import Attendee, JoinLink
from services.sessions.domain.online import is_online
from services.sessions.domain.roster import Person
from services.sessions.domain.session import Session
from services.sessions.ports import Store

Ready = Callable[[Meeting, Attendee], JoinLink | None]
"""Returns a person's link if a meeting's provider needs no call to make it."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """The person can't join yet: why, in words for the person."""

    why: str


MAKING = NotReady("The room is being made.")
YOUR_LINK = NotReady("Your link is being made.")


def check_joinable(session: Session) -> None:
    """Raise FailedPrecondition if nobody can join a session online, now or later."""
    if not is_online(session):
        raise FailedPrecondition("the session is IN_ROOM: it can't be joined online")
    if session.state in (SessionState.CANCELLED, SessionState.ENDED):
        raise FailedPrecondition(f"the session is {session.state}")


def join(
    store: Store, session: Session, person_id: str, is_host: bool, ready: Ready
) -> str | NotReady:
    """Return the URL by which a person joins now, or why there is none yet. If only the provider
    can make the person's link, it is asked to. Raises FailedPrecondition, and NotFound if the
    provider refused the link.
    """
    check_joinable(session)
    if not is_hosted(session):
        return session.join_url
    meeting = store.meeting(session.id)
    if meeting is None or meeting.state is not MeetingState.MADE:
        return MAKING
    attendee = attendee_of(store, person_id, is_host)
    found = ready(meeting, attendee)
    return found.url if found else _own_link(store, session, meeting, attendee)


def attendee_of(store: Store, person_id: str, is_host: bool) -> Attendee:
    """Return a person as a provider is told; one whose name is not known here, by the id."""
    person = store.replicas(Person, [person_id]).get(person_id)
    name = person.name if person else ""
    return Attendee(person_id=person_id, name=name or person_id, is_host=is_host)


def _own_link(
    store: Store, session: Session, meeting: Meeting, attendee: Attendee
) -> str | NotReady:
    known = store.personal_link(session.id, attendee.person_id)
    if known is not None and works(known, attendee.is_host, store.now):
        return known.url
    if known is not None and known.refusal:
        raise NotFound(f"the meeting provider gives no link: {known.refusal}")
    if known is None or known.url:
        wanted = PersonalLink(session.id, attendee.person_id, attendee.is_host, session.end_time)
        store.ask_for_link(wanted, meeting.server)
    return YOUR_LINK
