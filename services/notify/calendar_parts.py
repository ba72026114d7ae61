"""Invitations as text: iCalendar objects of iTIP (RFC 5546), by the library icalendar."""

from functools import lru_cache
from urllib.parse import quote

from icalendar import Parameters, vCalAddress
from icalendar.parser import Contentline

from chassis.calendars.text import calendar_of
from services.notify.domain.invitations import Invitation

PRODUCT = "-//Tandem//Notify//EN"
_ATTENDEE = "X-ATTENDEE"
_HERE = f"\r\n{_ATTENDEE}:\r\n"
# Of an address that needs no quoting, what a URI of it has as it is (RFC 6068, section 2).
_PLAIN = "@!$'*+"


def invitation_text(invitation: Invitation, organizer: str, attendee: str) -> str:
    """Return an invitation by one address (the organizer's) for another, in lines of CRLF.

    No answer is asked for: who is to come follows from the run, not from calendars.
    """
    # One for a whole run: only the attendee differs.
    return _text(invitation, organizer).replace(_HERE, f"\r\n{_attendee(attendee)}\r\n")


@lru_cache(maxsize=64)
def _text(invitation: Invitation, organizer: str) -> str:
    calendar = calendar_of(PRODUCT, invitation.entries)
    calendar.add("method", invitation.method)
    for event in calendar.walk("VEVENT"):
        event.add("organizer", _mailto(organizer))
        event.add(_ATTENDEE, "")
    return str(calendar.to_ical(), "utf-8")


def _attendee(address: str) -> str:
    parameters = Parameters({"ROLE": "REQ-PARTICIPANT", "RSVP": "FALSE"})
    line = Contentline.from_parts("ATTENDEE", parameters, _mailto(address))
    return str(line.to_ical(), "utf-8")


def _mailto(address: str) -> vCalAddress:
    return vCalAddress(f"mailto:{quote(address, safe=_PLAIN)}")
