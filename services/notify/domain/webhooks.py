"""Webhooks: who gets which events by HTTP, how requests are signed, and what follows from answers.

Signatures are those of Standard Webhooks 1.0.0 (section "Signature scheme"): HMAC-SHA256 of
`<id>.<timestamp>.<body>`, in base64, after `v1,`. Patterns are those of AMQP's topic exchanges.
"""

import base64
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from chassis.errors import FieldViolation, check

MOST_WEBHOOKS = 50
# Events are tried for so long, then parked.
TRIED_FOR = timedelta(days=3)
# A receiver may ask to be left alone for so long; each time that it answers.
LONGEST_LEFT_ALONE = timedelta(hours=6)
# Statuses whose header Retry-After is followed (RFC 6585, section 4; RFC 9110, section 15.6.4).
ASKING = frozenset({429, 503})
# Deliveries are kept for so long after they were queued, as the events are in the history.
KEPT = timedelta(days=30)
# For so long after a rotation, the secret before signs too.
OVERLAP = timedelta(hours=24)
MOST_WORDS = 10
_WORD = re.compile(r"[a-z0-9_]+|\*|#")
_FAULTY = re.compile(r"[\s\\]|[^\x21-\x7e]")


class WebhookState(StrEnum):
    """Whether a webhook gets its events."""

    ACTIVE = "ACTIVE"
    STOPPED = "STOPPED"


class WebhookDeliveryState(StrEnum):
    """How far an event is on its way to a webhook."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    PARKED = "PARKED"


class WebhookReplayState(StrEnum):
    """How far a replay is."""

    RUNNING = "RUNNING"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class CreateWebhook:
    """The command to make a webhook."""

    url: str
    patterns: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class WebhookReplay:
    """Events of the past that are sent again: those made in [since, until)."""

    since: datetime
    until: datetime
    state: WebhookReplayState = WebhookReplayState.RUNNING
    queued: int = 0
    held_from: datetime | None = None
    """The event after the last gap in what was held, if it is younger than `since`: events before
    it may be missing.
    """
    parked_done: bool = False
    """Whether the parked events are queued."""
    offset: int | None = None
    """The offset in the history from which to go on; None: not begun."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription by HTTP."""

    id: str
    url: str
    patterns: tuple[str, ...]
    description: str
    created_at: datetime
    state: WebhookState = WebhookState.ACTIVE
    reason: str = ""
    secret_version: int = 1
    old_secret_until: datetime | None = None
    failures: int = 0
    """Turns in a row in which no request succeeded."""
    failing_since: datetime | None = None
    last_error: str = ""
    deleted: bool = False
    """Its deliveries are being removed, and then it is."""

    def wants(self, event_type: str) -> bool:
        """Return whether it gets events of this type."""
        return any(matches(pattern, event_type) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One event on its way to a webhook."""

    id: str
    """<webhook>:<event>: a webhook gets an event once, however often it arrives here."""
    webhook_id: str
    event_id: str
    event_type: str
    key: str
    """The aggregate's."""
    made_at: datetime
    """When the event was made, by the system's clock."""
    body: bytes = field(repr=False)
    """What is posted; empty once it was delivered."""
    queued_at: datetime
    due: datetime
    expire_at: datetime
    state: WebhookDeliveryState = WebhookDeliveryState.WAITING
    attempts: int = 0
    error: str = ""
    finished_at: datetime | None = None


class Outcome(StrEnum):
    """What followed from a request."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    GONE = "GONE"
    """The receiver wants no more (410)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a request."""

    outcome: Outcome
    error: str = ""
    retry_after: timedelta = timedelta(0)
    """For how long the receiver asks to get nothing."""


def answer_of(status: int, retry_after: float = 0.0) -> Answer:
    """Return what a status of HTTP means. Only 2xx is success (Standard Webhooks, "Deliverability
    and reliability"): a redirect would lead to an address that nobody has looked at.

    `retry_after`: the seconds that the answer's header asks for; they count if a receiver is busy.
    """
    if 200 <= status < 300:
        return Answer(Outcome.DELIVERED)
    reason = f"it answered with status {status}"
    if status in ASKING and retry_after > 0:
        asked = timedelta(seconds=min(retry_after, LONGEST_LEFT_ALONE.total_seconds()))
        return Answer(Outcome.FAILED, f"{reason}, and asked for a pause", asked)
    if status == 410:
        return Answer(Outcome.GONE, reason)
    if 300 <= status < 400:
        return Answer(Outcome.FAILED, f"{reason}, and redirects are not followed")
    return Answer(Outcome.FAILED, reason)


def check_webhook(command: CreateWebhook, types: Iterable[str], allows_http: bool) -> None:
    """Raise Invalid with all that is wrong with a new webhook. `types`: of all events."""
    known = tuple(types)
    check(
        [
            *_url_faults(command.url, allows_http),
            *(
                fault
                for place, pattern in enumerate(command.patterns)
                for fault in _pattern_faults(f"patterns[{place}]", pattern, known)
            ),
        ]
    )


def _url_faults(url: str, allows_http: bool) -> Iterator[FieldViolation]:
    schemes = ("https", "http") if allows_http else ("https",)
    right = f"{' or '.join(schemes)}://host/path, without a user, a password or a fragment"
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if _FAULTY.search(url) or not whole or parts.scheme not in schemes:
        yield FieldViolation("url", "is not one to which events are posted", right)
    elif "@" in parts.netloc or "#" in url:
        yield FieldViolation("url", "has a user, a password or a fragment", right)


def _pattern_faults(name: str, pattern: str, types: Sequence[str]) -> Iterator[FieldViolation]:
    words = pattern.split(".")
    right = "such as tandem.catalog.enrolment.* or tandem.sessions.# or #"
    if len(words) > MOST_WORDS or not all(map(_WORD.fullmatch, words)):
        wrong = f"is no pattern: 1 to {MOST_WORDS} words with dots between, * or #"
        yield FieldViolation(name, wrong, right)
    elif not any(matches(pattern, each) for each in types):
        yield FieldViolation(name, "matches no type of event", f"{right}; docs/events.md has all")


@lru_cache(maxsize=10_000)
def matches(pattern: str, event_type: str) -> bool:
    """Return whether a type matches a pattern, as in a topic exchange (AMQP 0-9-1, 3.1.3.3).

    `*` stands for one word, `#` for any number of words.
    """
    return _match(tuple(pattern.split(".")), tuple(event_type.split(".")))


def _match(pattern: Sequence[str], words: Sequence[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return _match(pattern[1:], words) or bool(words and _match(pattern, words[1:]))
    return bool(words) and pattern[0] in ("*", words[0]) and _match(pattern[1:], words[1:])


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of all webhooks: made from a key, and not stored."""

    key: str = field(repr=False)

    def secret(self, webhook_id: str, version: int) -> str:
        """Return a webhook's secret, as its receiver keeps it."""
        return f"whsec_{base64.b64encode(self._bytes(webhook_id, version)).decode()}"

    def headers(
        self, webhook: Webhook, event_id: str, body: bytes, now: datetime
    ) -> dict[str, str]:
        """Return the headers that identify and sign a request."""
        stamp = int(now.timestamp())
        versions = [webhook.secret_version]
        if webhook.old_secret_until and now < webhook.old_secret_until:
            versions.append(webhook.secret_version - 1)
        signed = f"{event_id}.{stamp}.".encode() + body
        codes = [hmac.digest(self._bytes(webhook.id, each), signed, "sha256") for each in versions]
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": " ".join(
                f"v1,{base64.b64encode(each).decode()}" for each in codes
            ),
        }

    def _bytes(self, webhook_id: str, version: int) -> bytes:
        # The first word keeps them apart from other uses of the same key.
        return hmac.digest(self.key.encode(), f"webhook:{webhook_id}:{version}".encode(), "sha256")


def rotated(webhook: Webhook, now: datetime) -> Webhook:
    """Return a webhook with its next secret."""
    return replace(
        webhook, secret_version=webhook.secret_version + 1, old_secret_until=now + OVERLAP
    )


def queued_anew(delivery: WebhookDelivery, now: datetime) -> WebhookDelivery:
    """Return a delivery as if its event had come now."""
    return replace(
        delivery,
        state=WebhookDeliveryState.WAITING,
        queued_at=now,
        due=now,
        expire_at=now + KEPT,
        attempts=0,
        error="",
        finished_at=None,
    )


def held_since(replay: WebhookReplay, after_gaps: Iterable[datetime]) -> WebhookReplay:
    """Return a replay that tells from when on all is held. `after_gaps`: when those events were
    made that follow events that nobody has.
    """
    known = [replay.held_from] if replay.held_from else []
    found = [*known, *(each for each in after_gaps if each > replay.since)]
    return replace(replay, held_from=max(found, default=None))


def answered(
    delivery: WebhookDelivery, answer: Answer, now: datetime, pause: timedelta
) -> WebhookDelivery:
    """Return a delivery after a request. `pause`: how long it waits if it is to be tried again, or
    longer if the receiver asks for that.

    A receiver that wants no more has not failed: the delivery waits as it is.
    """
    if answer.outcome is Outcome.GONE:
        return delivery
    if answer.outcome is Outcome.DELIVERED:
        return replace(
            delivery,
            state=WebhookDeliveryState.DELIVERED,
            body=b"",
            error="",
            attempts=delivery.attempts + 1,
            finished_at=now,
        )
    failed = replace(delivery, attempts=delivery.attempts + 1, error=answer.error)
    if now - delivery.queued_at >= TRIED_FOR:
        return replace(failed, state=WebhookDeliveryState.PARKED, finished_at=now)
    return replace(failed, due=now + max(pause, answer.retry_after))


def after_turn(webhook: Webhook, answers: Sequence[Answer], now: datetime) -> Webhook:
    """Return a webhook after a turn of requests."""
    for answer in answers:
        if answer.outcome is Outcome.GONE:
            reason = f"{answer.error} at {now:%Y-%m-%d %H:%M} UTC"
            return replace(webhook, state=WebhookState.STOPPED, reason=reason)
    if not answers:
        return webhook
    if any(answer.outcome is Outcome.DELIVERED for answer in answers):
        return replace(webhook, failures=0, failing_since=None, last_error="")
    return replace(
        webhook,
        failures=webhook.failures + 1,
        failing_since=webhook.failing_since or now,
        last_error=answers[-1].error,
    )


def resumed(webhook: Webhook) -> Webhook:
    """Return a webhook whose receiver is to be tried at once, whatever it answered before."""
    return replace(
        webhook, state=WebhookState.ACTIVE, reason="", failures=0, failing_since=None, last_error=""
    )
