"""Messages for small screens: text messages by SMS, and notifications in browsers."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.notify.domain.devices import Device
from services.notify.domain.digests import lines_of
from services.notify.domain.enums import Category, Kind
from services.notify.domain.messages import Delivery, Message, Outcome, SendResult
from services.notify.domain.notices import About, Text

SEGMENTS = 2
"""A text message is cut to as many parts as this; each part is paid for."""
LONGEST_LINE = 200
"""Characters of a notification's line below the title."""
LONGEST_KEPT, SHORTEST_KEPT = timedelta(days=3), timedelta(minutes=1)
# Digits of GSM's default alphabet and of its extension (3GPP TS 23.038, section 6.2.1), where each
# sign of the extension takes two.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
# Units of a message of one part, and of each part of several, whose header takes the rest
# (3GPP TS 23.040, section 9.2.3.24.1).
_GSM_UNITS, _UCS2_UNITS = (160, 153), (70, 67)
_LOW = frozenset({Category.ACTIVITY, Category.PROGRESS})
_OF_MEETINGS = frozenset({Kind.MEETING_FAILED, Kind.MEETING_MADE})
CUT = "..."


@dataclass(frozen=True, slots=True)
class Sms:
    """A text message for the gateway."""

    id: str
    """The id of its delivery, or of the device that it confirms."""
    to: str = field(repr=False)
    """A number by E.164."""
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Push:
    """A notification for the browsers of one person."""

    id: str
    """The id of its delivery."""
    devices: tuple[Device, ...]
    payload: bytes = field(repr=False)
    """JSON: message_id, title, line, category, urgent."""
    ttl: int
    """Seconds for which a push service keeps it (RFC 8030, section 5.2)."""
    urgency: str
    """low, normal or high (RFC 8030, section 5.3)."""
    topic: str
    """A newer one of the same topic replaces one that was not delivered (RFC 8030, section 5.4)."""
    lane: str = ""
    """The lane of its delivery; push services don't hear of it."""


def sms_of(delivery: Delivery, text: Text, number: str) -> Sms:
    """Return a message as SMS: its title, cut to SEGMENTS."""
    return Sms(delivery.id, number, cut_to(text.title, SEGMENTS))


def push_of(
    delivery: Delivery, message: Message, text: Text, devices: Sequence[Device], now: datetime
) -> Push:
    """Return a message as a notification: its title, and the first line after the greeting."""
    shown = {
        "message_id": message.id,
        "title": text.title,
        "line": line_of(text.body),
        "category": message.category,
        "urgent": delivery.urgent,
    }
    return Push(
        delivery.id,
        tuple(devices),
        json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"),
        _ttl(message.about, now),
        "high" if delivery.urgent else "low" if message.category in _LOW else "normal",
        _topic(message),
        delivery.lane,
    )


def line_of(body: str) -> str:
    """Return the first line of a message's text after the greeting, cut to LONGEST_LINE."""
    line = next(iter(lines_of(body)), "")
    line = line[:1].upper() + line[1:]  # it may go on from the greeting
    return line if len(line) <= LONGEST_LINE else _whole(line[: LONGEST_LINE - len(CUT)]) + CUT


def combined(results: Sequence[SendResult]) -> SendResult:
    """Return the result of a notification for its results in each browser.

    It is delivered if one browser's push service took it, and else tried again if one may later.
    """
    ordered = (Outcome.ACCEPTED, Outcome.WAITS, Outcome.PUT_OFF, Outcome.REFUSED)
    best = min(results, key=lambda each: ordered.index(each.outcome))
    return replace(best, gone=tuple(id_ for each in results for id_ in each.gone))


def segments(text: str) -> int:
    """Return the number of parts of a text message (3GPP TS 23.038 and 23.040)."""
    units = _units(text)
    one, each = _limits(text)
    return 1 if sum(units) <= one else _parts(units, each)


def cut_to(text: str, most: int) -> str:
    """Return a text that has at most so many parts, its end replaced by dots if it is cut."""
    if segments(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(text[:middle], most) else (low, middle - 1)
    return _whole(text[:low]) + CUT


def _fits(start: str, most: int) -> bool:
    return segments(_whole(start) + CUT) <= most


def _whole(start: str) -> str:
    """Return the start of a text without an isolate that its cut left open (UAX #9)."""
    opened = max(start.rfind(sign) for sign in "\u2066\u2067\u2068")
    return (start if start.rfind("\u2069") >= opened else start + "\u2069").rstrip()


def _limits(text: str) -> tuple[int, int]:
    return _GSM_UNITS if _is_gsm(text) else _UCS2_UNITS


def _is_gsm(text: str) -> bool:
    return all(sign in _GSM or sign in _EXTENSION for sign in text)


def _units(text: str) -> list[int]:
    """Return how many septets, or units of UTF-16, each sign takes."""
    if _is_gsm(text):
        return [2 if sign in _EXTENSION else 1 for sign in text]
    return [2 if ord(sign) > 0xFFFF else 1 for sign in text]


def _parts(units: Sequence[int], most: int) -> int:
    """Return how many parts signs of these units fill: no sign is divided between two."""
    parts, used = 1, 0
    for unit in units:
        if used + unit > most:
            parts, used = parts + 1, 0
        used += unit
    return parts


def _ttl(about: About | None, now: datetime) -> int:
    """Return for how many seconds a notification is news: until a class begins, or a deadline."""
    ends = (about.start_time, about.end_time) if about else ()
    left = min([LONGEST_KEPT, *(end - now for end in ends if end and end > now)])
    return int(max(left, SHORTEST_KEPT).total_seconds())


def _topic(message: Message) -> str:
    """Return 32 characters that are the same for all news of one thing, and tell nothing of it."""
    about = message.about or About()
    thing = [
        about.session_id,
        about.series_id,
        about.offer_id,
        about.catch_up_id,
        about.due_id,
        about.question_id,
        about.fall_id,
    ]
    # A class that has no meeting yet may have been moved, too: both are told.
    what = "MEETING" if about.kind in _OF_MEETINGS else message.category
    named = [what, *(thing if any(thing) else [message.id])]
    return urlsafe_b64encode(hashlib.sha256("\n".join(named).encode()).digest()[:24]).decode()
