"""What Zoom sends: developers.zoom.us/docs/api/webhooks, and .../docs/api/meetings/events."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.sessions.domain.meetings import MeetingEvent, MeetingFact
from services.sessions.providers.port import BadWebhook, Delivery, Received
from services.sessions.providers.values import from_iso, from_milliseconds, text
from services.sessions.providers.zoom_recordings import part_id

OLDEST = timedelta(minutes=5)
"""How far the time of a request may be from ours, so that nobody can send an old one again."""
_SECONDS = re.compile(r"[0-9]{1,12}")
_FACTS = {
    "meeting.started": MeetingFact.STARTED,
    "meeting.ended": MeetingFact.ENDED,
    "meeting.participant_joined": MeetingFact.JOINED,
    "meeting.participant_left": MeetingFact.LEFT,
    "recording.started": MeetingFact.RECORDING_BEGUN,
    "recording.resumed": MeetingFact.RECORDING_BEGUN,
    "recording.paused": MeetingFact.RECORDING_PAUSED,
    "recording.stopped": MeetingFact.RECORDING_PAUSED,
    "recording.completed": MeetingFact.RECORDING_READY,
    "recording.transcript_completed": MeetingFact.RECORDING_READY,
    "recording.recovered": MeetingFact.RECORDING_READY,
    "recording.trashed": MeetingFact.RECORDING_GONE,
    "recording.deleted": MeetingFact.RECORDING_GONE,
}
_TIMES = {
    "meeting.started": ("", "start_time"),
    "meeting.ended": ("", "end_time"),
    "meeting.participant_joined": ("participant", "join_time"),
    "meeting.participant_left": ("participant", "leave_time"),
    "recording.started": ("recording_file", "recording_start"),
    "recording.stopped": ("recording_file", "recording_end"),
}
"""Where an event tells its instant: in which object, and by which name."""


def read(delivery: Delivery, secret: str, now: datetime) -> Received:
    """Return what a request tells, and the answer to a challenge. Raises BadWebhook."""
    _require_signature(delivery, secret, now)
    try:
        told = json.loads(delivery.body)
        if told["event"] == "endpoint.url_validation":
            return Received(answer=_answer(text(told["payload"]["plainToken"]), secret))
        return Received(list(_events(told)))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise BadWebhook("the request's event can't be understood") from None


def _require_signature(delivery: Delivery, secret: str, now: datetime) -> None:
    """Section "Verify webhook events"."""
    sent = delivery.headers.get("x-zm-request-timestamp", "")
    signature = delivery.headers.get("x-zm-signature", "")
    right = f"v0={_hmac(secret, f'v0:{sent}:'.encode() + delivery.body)}"
    if not hmac.compare_digest(right.encode(), signature.encode()):
        raise BadWebhook("the request's signature is wrong")
    if not _SECONDS.fullmatch(sent) or abs(now.timestamp() - int(sent)) > OLDEST.total_seconds():
        raise BadWebhook("the request is too old, or our clock is wrong")


def _answer(token: str, secret: str) -> Mapping[str, str]:
    """Section "Validate your webhook endpoint"."""
    return {"plainToken": token, "encryptedToken": _hmac(secret, token.encode())}


def _hmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _events(told: Mapping[str, Any]) -> Iterator[MeetingEvent]:
    name, about = told["event"], told["payload"].get("object") or {}
    fact = _FACTS.get(name)
    if fact is MeetingFact.RECORDING_GONE:
        starts = {text(each["recording_start"]) for each in about.get("recording_files") or []}
        for start in sorted(starts):
            yield _event(told, about, fact, part_id(text(about["uuid"]), start))
    elif fact:
        yield _event(told, about, fact)


def _event(
    told: Mapping[str, Any], about: Mapping[str, Any], fact: MeetingFact, recording_id: str = ""
) -> MeetingEvent:
    participant = about.get("participant") or {}
    connection = text(participant.get("user_id"))
    which = recording_id or f"{text(about['uuid'])}/{connection}"
    return MeetingEvent(
        id=f"{told['event']}/{told['event_ts']}/{which}",
        external_id=str(about["id"]),
        fact=fact,
        at=_instant(told, about),
        link_id=text(participant.get("registrant_id")) or text(participant.get("id")),
        connection=connection,
        recording_id=recording_id,
    )


def _instant(told: Mapping[str, Any], about: Mapping[str, Any]) -> datetime:
    """Return when it happened: its own time, which has whole seconds, or that of the event."""
    where, name = _TIMES.get(told["event"], ("", ""))
    found = ((about.get(where) or {}) if where else about).get(name)
    return from_iso(found) if found else from_milliseconds(told["event_ts"])
