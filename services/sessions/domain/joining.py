"""Joining an online class: tickets, and the own links of people."""

import base64
import binascii
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chassis.capabilities import encoded
from services.sessions.domain.meetings import JoinLink
from services.sessions.domain.session import Session

LONGER = timedelta(hours=1)
"""How long after the planned end of its class a ticket is good, and at least from now."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the URL by which a person joins names; its signature is not part of it."""

    session_id: str
    person_id: str
    until: datetime
    """When it expires, in whole seconds."""


@dataclass(frozen=True, slots=True)
class PersonalLink:
    """A person's own link into a session's meeting, which its provider makes."""

    session_id: str
    person_id: str
    is_host: bool
    end_time: datetime
    """When the class is to end."""
    url: str = ""
    """Empty until it is made."""
    external_id: str = ""
    """The provider's id of the person in this meeting; empty if it has none."""
    until: datetime | None = None
    """How long it works; None: as long as the meeting."""
    refusal: str = ""
    """Why the provider refused to make it."""


def linked(wanted: PersonalLink, found: JoinLink, now: datetime) -> PersonalLink:
    """Return a link that its provider has made now."""
    until = now + found.lasts if found.lasts else None
    return replace(wanted, url=found.url, external_id=found.external_id, until=until)


def refused(wanted: PersonalLink, reason: str) -> PersonalLink:
    """Return a link that its provider refused to make."""
    return replace(wanted, refusal=reason)


def works(link: PersonalLink, is_host: bool, now: datetime) -> bool:
    """Return whether a link that was made still works, and lets in as what the person is."""
    return bool(link.url) and link.is_host == is_host and (link.until is None or now < link.until)


def ticket_for(session: Session, person_id: str, now: datetime) -> Ticket:
    """Return the ticket of a person for a session."""
    until = max(session.end_time, now) + LONGER
    return Ticket(session.id, person_id, until.replace(microsecond=0))


def ticket_text(ticket: Ticket) -> str:
    """Return a ticket as text for a URL."""
    parts = ticket.session_id, str(int(ticket.until.timestamp())), ticket.person_id
    return encoded("\n".join(parts).encode())


def ticket_of(text: str) -> Ticket | None:
    """Return the ticket that `ticket_text` wrote; None if it is none."""
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        session_id, until, person_id = plain.split("\n", 2)
        return Ticket(session_id, person_id, datetime.fromtimestamp(int(until), UTC))
    except (binascii.Error, ValueError, OverflowError, OSError):
        return None
