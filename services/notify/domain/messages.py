"""Messages and their deliveries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from services.notify.domain.enums import (
    BULK,
    BY_DEVICE,
    CROWD,
    DIGEST,
    URGENT,
    Category,
    Channel,
    DeliveryState,
    Frequency,
    Kind,
)
from services.notify.domain.events import MessageDelivered, MessageFailed
from services.notify.domain.invitations import Invitation
from services.notify.domain.notices import (
    About,
    Notice,
    Text,
    delivery_id,
    message_id,
)
from services.notify.domain.preferences import Choice

TO_A_RUN = frozenset(
    {Kind.SESSION_MOVED, Kind.SESSION_CANCELLED, Kind.SERIES_MOVED, Kind.SERIES_CANCELLED}
)
"""The kinds of urgent notices that a whole run gets."""
LIFETIME = timedelta(days=5)  # RFC 5321, section 4.5.4.1
NO_PERSON = "not sent: the person left the university, or is no longer known"
UNKNOWN = "it is not known whether it was sent: the connection or the worker ended meanwhile"
VANISHED = "not sent: what it tells is over, or newer news has come"
UNWANTED = "not sent: the person chose other channels, or none"
MUTED = "not sent: the person has muted the run"
LEFT = "not sent: the person has left the run"
NOT_EXPECTED = "not sent: the person is not expected in the class any more"
NOT_TEACHING = "not sent: the person does not teach the class, or the run, any more"
SUPPRESSED = "not sent: what is sent to the person's address, or number, does not arrive"
NO_DEVICE = "not sent: the person has no device for the channel any more"
EMPTY = "not sent: nothing is left to tell"
EXPIRED = f"given up: no server took it within {LIFETIME.days} days"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person."""

    id: str
    person_id: str
    category: Category
    title: str
    body: str
    """Title and body as they were written first. They are shown only where kind and values can't
    be: the version before this one knows nothing else."""
    created_at: datetime
    event_id: str
    event_type: str
    urgent: bool
    number: int | None
    """The message's number in the person's inbox, from 1; None if it is not in the inbox."""
    read_at: datetime | None = None
    about: About | None = None
    """What it tells of; None: nothing that could change, or a message of an older version."""
    run_id: str = ""
    """The run that it is about; empty: none."""
    kind: Kind | None = None
    """None: a message of an older version, which has its text only."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What it tells, as domain/values.py declares it for the kind."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on one channel."""

    id: str
    message_id: str
    person_id: str
    channel: Channel
    state: DeliveryState
    queued_at: datetime
    event_id: str
    event_type: str
    category: Category
    urgent: bool
    about: About | None = None
    """What it tells of; it is not sent if that is over or overtaken."""
    run_id: str = ""
    """The run that the message is about; empty: none."""
    attempts: int = 0
    error: str = ""
    finished_at: datetime | None = None
    sent_to: str = ""
    """The hash of the address to which it was sent last; empty: none, or by an older version."""
    sending: bool = False
    """True from just before it is sent until the result is stored."""
    digest_id: str = ""
    """The digest that it is sent with; empty: by itself."""
    send_at: datetime | None = None
    """The instant before which it is not sent; None: at once."""

    @property
    def lane(self) -> str:
        """Return the lane in which the delivery waits to be sent."""
        lane = BULK
        if self.urgent:
            lane = CROWD if self.about and self.about.kind in TO_A_RUN else URGENT
        return lane_of(self.channel, lane) if self.channel in BY_DEVICE else lane

    @property
    def due_since(self) -> datetime:
        """Return since when it may be sent."""
        return self.send_at or self.queued_at


@dataclass(frozen=True, slots=True)
class Digest:
    """What one person gets on one channel at the end of a window, in one mail: a digest as the
    person chose, or a fold of urgent changes (domain/folds.py).

    It is WAITING while it collects deliveries, and QUEUED when its window has ended.
    """

    id: str
    person_id: str
    channel: Channel
    send_at: datetime
    """The end of its window, or later: of quiet hours."""
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    error: str = ""
    finished_at: datetime | None = None
    sending: bool = False
    """True from just before it is sent until the result is stored."""
    urgent: bool = False
    """True of a fold."""

    @property
    def lane(self) -> str:
        """Return the lane in which the digest waits to be sent."""
        return CROWD if self.urgent else DIGEST

    @property
    def due_since(self) -> datetime:
        """Return since when it may be sent."""
        return self.send_at


Sent = Delivery | Digest
"""What one mail is sent for."""
S = TypeVar("S", Delivery, Digest)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail for the mail server."""

    id: str
    """The id of its delivery or digest."""
    to: str
    text: Text
    created_at: datetime
    invitations: tuple[Invitation, ...] = ()
    """What it tells calendar programs."""


class Outcome(StrEnum):
    """The outcome of an attempt to send a mail, a text message or a notification."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    """The server refused it permanently (SMTP: 5xx)."""
    PUT_OFF = "PUT_OFF"
    """The server refused it for now (SMTP: 4xx)."""
    AWAY = "AWAY"
    """No server could be reached, or it takes nothing at all from here."""
    WAITS = "WAITS"
    """Its provider's rate lets it begin later: it was not tried."""
    UNKNOWN = "UNKNOWN"
    """The connection ended after the text was sent and before the answer came."""
    WITHHELD = "WITHHELD"
    """It is no longer wanted: it was not sent."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """An outcome and, if it is not ACCEPTED, the reason. The reason holds no personal data."""

    outcome: Outcome
    reason: str = ""
    overloaded: bool = False
    """True if the server itself is overloaded: it would put off any other mail as well."""
    retry_after: float = 0.0
    """Seconds that the server asks to wait."""
    gone: tuple[str, ...] = ()
    """The ids of devices that are no more."""
    suppressed: str = ""
    """The server's code, if it says that the recipient takes no messages at all; empty: it does
    not.
    """


@dataclass(frozen=True, slots=True)
class Notification:
    """A message with all its deliveries."""

    message: Message
    deliveries: tuple[Delivery, ...]


def compose(
    notice: Notice,
    person_id: str,
    channels: Iterable[Channel],
    text: Text,
    number: int | None,
    now: datetime,
    quiet: bool = False,
) -> Notification:
    """Return a notice's notification of a person: in the inbox at once, mail queued.

    `quiet`: for this person it is not urgent.
    """
    message = Message(
        id=message_id(notice.event_id, person_id),
        person_id=person_id,
        category=notice.rule.category,
        title=text.title,
        body=text.body,
        created_at=now,
        event_id=notice.event_id,
        event_type=notice.event_type,
        urgent=notice.is_urgent(now) and not quiet,
        number=number,
        about=notice.about,
        run_id=notice.run_id,
        kind=notice.kind,
        values=notice.values,
    )
    return Notification(message, tuple(_delivery(notice, message, channel) for channel in channels))


def _delivery(notice: Notice, message: Message, channel: Channel) -> Delivery:
    queued = Delivery(
        id=delivery_id(notice.event_id, message.person_id, channel),
        message_id=message.id,
        person_id=message.person_id,
        channel=channel,
        state=DeliveryState.QUEUED,
        queued_at=message.created_at,
        event_id=notice.event_id,
        event_type=notice.event_type,
        category=message.category,
        urgent=message.urgent,
        about=notice.about,
        run_id=notice.run_id,
    )
    return delivered(queued, message.created_at) if channel == Channel.IN_APP else queued


def waiting_for(delivery: Delivery, digest: Digest) -> Delivery:
    """Return a delivery that is sent with a digest."""
    return replace(
        delivery, state=DeliveryState.WAITING, digest_id=digest.id, send_at=digest.send_at
    )


def lane_of(channel: Channel, lane: str) -> str:
    """Return the lane of what is sent on a channel other than e-mail, such as sms.urgent."""
    return f"{channel.lower()}.{lane}"


def delivered(delivery: S, now: datetime) -> S:
    """Return a delivery or digest, delivered."""
    return replace(
        delivery, state=DeliveryState.DELIVERED, finished_at=now, error="", sending=False
    )


def failed(delivery: S, now: datetime, reason: str) -> S:
    """Return a delivery or digest, failed."""
    return replace(
        delivery, state=DeliveryState.FAILED, finished_at=now, error=reason, sending=False
    )


def returned(code: str) -> str:
    """Return the reason why a delivery has failed whose mail came back, with its status code."""
    return f"the mail came back: {code}"


def delayed(code: str) -> str:
    """Return what is noted of a delivery whose mail is late, with its status code."""
    return f"the mail is late, and still tried: {code}"


def finished_with(delivery: Delivery, digest: Digest) -> Delivery:
    """Return a delivery with the outcome of the digest that it was sent with."""
    return replace(
        delivery,
        state=digest.state,
        attempts=digest.attempts,
        error=digest.error,
        finished_at=digest.finished_at,
    )


def after_attempt(delivery: S, result: SendResult, now: datetime, most: int) -> S:
    """Return a delivery or digest after an attempt: delivered, failed, or queued again.

    `most`: the largest number of attempts. The mail is tried again only if it was surely not sent.
    An attempt that is AWAY, or WAITS, does not count.
    """
    if result.outcome in (Outcome.AWAY, Outcome.WAITS):
        return replace(delivery, error=result.reason, sending=False)
    tried = replace(delivery, attempts=delivery.attempts + 1)
    match result.outcome:
        case Outcome.ACCEPTED:
            return delivered(tried, now)
        case Outcome.REFUSED:
            return failed(tried, now, result.reason)
        case Outcome.UNKNOWN:
            return failed(tried, now, UNKNOWN)
    if tried.attempts >= most:
        return failed(tried, now, f"given up after {tried.attempts} tries: {result.reason}")
    return replace(tried, error=result.reason, sending=False)


def has_expired(delivery: Delivery, now: datetime) -> bool:
    """Return whether a delivery that may be sent has waited longer than LIFETIME."""
    return now - delivery.due_since > LIFETIME


def unwanted_by(choice: Choice, delivery: Delivery) -> str:
    """Return the reason why a person's present choice excludes a delivery; empty: it does not."""
    if choice.frequency(delivery.category, delivery.channel) is Frequency.OFF:
        return UNWANTED
    return MUTED if delivery.run_id in choice.muted_run_ids and not delivery.urgent else ""


def outcome_of(delivery: Delivery) -> MessageDelivered | MessageFailed | None:
    """Return the event of a finished delivery; None while it is queued."""
    if delivery.finished_at is None:
        return None
    about = (
        delivery.message_id,
        delivery.person_id,
        delivery.channel,
        delivery.category,
        delivery.event_id,
        delivery.event_type,
        delivery.finished_at,
    )
    if delivery.state == DeliveryState.DELIVERED:
        return MessageDelivered(*about)
    return MessageFailed(*about, delivery.error)
