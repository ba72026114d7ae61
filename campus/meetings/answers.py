"""The provider's answers in XML (docs.bigbluebutton.org/development/api)."""

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

from starlette.responses import Response

from campus.meetings.rooms import Recording, Room
from campus.meetings.webhooks import Hook

Fields = Mapping[str, object]


def success(fields: Fields, *parts: Element) -> Response:
    """Return an answer of success."""
    return _answer({"returncode": "SUCCESS", **fields}, *parts)


def failure(key: str, message: str) -> Response:
    """Return an answer of failure, by its messageKey."""
    return _answer({"returncode": "FAILED", "messageKey": key, "message": message})


def about(room: Room) -> Fields:
    """Return what `create` answers about a meeting."""
    return {
        "meetingID": room.external_id,
        "internalMeetingID": room.internal_id,
        "parentMeetingID": "bbb-none",
        "attendeePW": room.parameters.get("attendeePW", ""),
        "moderatorPW": room.parameters.get("moderatorPW", ""),
        "createTime": room.made_at,
        "hasUserJoined": _word(bool(room.people)),
        "duration": 0,
        "hasBeenForciblyEnded": _word(bool(room.ended_at)),
    }


def attendees(room: Room) -> Element:
    """Return who is in a meeting."""
    found = Element("attendees")
    for person in room.people.values():
        fields = {"userID": person.external_id, "fullName": person.name, "role": person.role}
        found.append(_element("attendee", fields))
    return found


def recordings(found: Iterable[Recording], base: str) -> Element:
    """Return recordings; their files are below the URL `base`."""
    whole = Element("recordings")
    whole.extend(_recording(each, base) for each in found)
    return whole


def hooks(found: Iterable[Hook]) -> Element:
    """Return the registered hooks."""
    whole = Element("hooks")
    for each in found:
        fields = {"hookID": each.id, "callbackURL": each.url, "permanentHook": "false"}
        whole.append(
            _element("hook", fields | ({"meetingID": each.meeting_id} if each.meeting_id else {}))
        )
    return whole


def _recording(recording: Recording, base: str) -> Element:
    fields = {
        "recordID": recording.id,
        "meetingID": recording.external_id,
        "internalMeetingID": recording.id,
        "name": recording.name,
        "isBreakout": "false",
        "published": _word(recording.is_published),
        "state": "published" if recording.is_published else "unpublished",
        "startTime": recording.start,
        "endTime": recording.end,
    }
    whole = _element("recording", fields)
    page = {"presentation": "presentation/2.3/", "video": "video/"}
    playback = SubElement(whole, "playback")
    for kind, path in page.items():
        url = f"{base}/playback/{path}{recording.id}{'/' if kind == 'video' else ''}"
        length = (recording.end - recording.start) // 60_000
        fields = {"type": kind, "url": url, "length": length}
        worked = {"processingTime": 7_177 * recording.versions}  # another one each time
        playback.append(_element("format", {**fields, **worked}))
    return whole


def _answer(fields: Fields, *parts: Element) -> Response:
    root = _element("response", fields)
    root.extend(parts)
    return Response(tostring(root), media_type="text/xml")


def _element(name: str, fields: Fields) -> Element:
    element = Element(name)
    for key, value in fields.items():
        SubElement(element, key).text = str(value)
    return element


def _word(value: bool) -> str:
    return str(value).lower()
