"""What bbb-webhooks sends: docs.bigbluebutton.org/development/webhooks, section Callback format.

The sources (callback-emitter.js) settle what the page leaves open: `event` is a list, and the
checksum is of the body as it was sent, or, in version 2, of its fields in JSON. Some previews of
version 3 made it of the URL and `{}` alone, which says nothing of the body, and is refused; so is
the setting `auth2_0`, which sends the secret itself.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from services.sessions.domain.meetings import MeetingEvent, MeetingFact
from services.sessions.providers.port import BadWebhook, Delivery
from services.sessions.providers.values import from_milliseconds, text

FACTS = {
    "meeting-created": MeetingFact.STARTED,
    "meeting-ended": MeetingFact.ENDED,
    "user-joined": MeetingFact.JOINED,
    "user-left": MeetingFact.LEFT,
    "meeting-recording-started": MeetingFact.RECORDING_BEGUN,
    "meeting-recording-stopped": MeetingFact.RECORDING_PAUSED,
    "rap-publish-ended": MeetingFact.RECORDING_READY,
    "rap-published": MeetingFact.RECORDING_READY,
    "rap-unpublished": MeetingFact.RECORDING_GONE,
    "rap-deleted": MeetingFact.RECORDING_GONE,
}
"""The events that we want to be told, by their names at the server (src/process/event.js)."""
_SIGNED = re.compile(r"(?P<url>.+)[?&]checksum=(?P<checksum>[0-9a-f]{40,128})")
_ALGORITHMS = {40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
"""The algorithm of a checksum of so many digits, as bbb-webhooks itself tells (utils.js)."""
_TIME = re.compile(r"[0-9]{1,20}")
_MOST_FIELDS = 10


def read(delivery: Delivery, secret: str) -> Sequence[MeetingEvent]:
    """Return the events of a callback that we know. Raises BadWebhook."""
    fields = _fields(delivery.body)
    _require_checksum(delivery, fields, secret)
    try:
        return list(_events(fields["event"]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise BadWebhook("the callback's events can't be understood") from None


def _fields(body: bytes) -> dict[str, str]:
    try:
        fields = dict(parse_qsl(body.decode(), strict_parsing=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        fields = {}
    if "event" not in fields:
        raise BadWebhook("the callback can't be understood: it has no field `event`")
    return fields


def _require_checksum(delivery: Delivery, fields: Mapping[str, str], secret: str) -> None:
    match = _SIGNED.fullmatch(delivery.url)
    algorithm = match and _ALGORITHMS.get(len(match["checksum"]))
    if not match or not algorithm:
        raise BadWebhook("the callback's URL has no checksum")
    for body in (delivery.body, _in_json(fields)):
        right = hashlib.new(algorithm, match["url"].encode() + body + secret.encode()).hexdigest()
        if hmac.compare_digest(right, match["checksum"]):
            return
    raise BadWebhook("the callback's checksum is wrong")


def _in_json(fields: Mapping[str, str]) -> bytes:
    """Return the fields as version 2 signs them: `JSON.stringify`, the time as a number."""
    told = {name: int(value) if _TIME.fullmatch(value) else value for name, value in fields.items()}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _events(content: str) -> Iterator[MeetingEvent]:
    told = json.loads(content)
    for each in told if isinstance(told, list) else [told]:
        fact = FACTS.get(each["data"]["id"])
        if fact:
            yield _event(each["data"], fact)


def _event(data: Mapping[str, Any], fact: MeetingFact) -> MeetingEvent:
    attributes = data["attributes"]
    meeting, user = attributes["meeting"], attributes.get("user") or {}
    internal, connection = text(meeting["internal-meeting-id"]), text(user.get("internal-user-id"))
    told_at = data["event"]["ts"]
    return MeetingEvent(
        id=f"{internal}/{data['id']}/{told_at}/{connection}",
        external_id=text(meeting.get("external-meeting-id")),
        fact=fact,
        at=from_milliseconds(told_at),
        person_id=text(user.get("external-user-id")),
        connection=connection,
        recording_id=_recording_id(attributes, internal) if data["id"].startswith("rap-") else "",
    )


def _recording_id(attributes: Mapping[str, Any], internal: str) -> str:
    """Return the recording's id, which is the meeting's internal one (section getRecordings)."""
    return text(attributes.get("record-id")) or internal
