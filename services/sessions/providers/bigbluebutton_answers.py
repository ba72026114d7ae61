"""What BigBlueButton answers: XML, and JSON for captions (docs.bigbluebutton.org/development/api).

An answer may be hostile: no document type is read, and whatever can't be understood is as if the
server were away.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from services.sessions.domain.meetings import FileKind, ProviderRecording, RecordedFile
from services.sessions.providers.http import SHOWN, Answer, is_safe, require_success
from services.sessions.providers.port import ProviderAway, ProviderRefused
from services.sessions.providers.values import from_milliseconds

__all__ = ["UNKNOWN_MEETING", "Element", "made_at", "read", "recordings", "text_tracks"]

UNKNOWN_MEETING = frozenset({"notFound", "invalidMeetingIdentifier"})
"""messageKeys of a meeting that is over, or never was (section Error handling)."""
_TROUBLES = frozenset({"createHookError", "internalError"})
"""messageKeys of a server that is in trouble itself: of bbb-webhooks and of Scalelite."""
_MEDIA_TYPES = {
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".webm": "video/webm",
}
_FORMATS = {"video": FileKind.VIDEO, "podcast": FileKind.AUDIO}
_VIDEO_FILE = "video-0.m4v"
"""The file beside the page of the format `video` (record-and-playback/video in its sources)."""


def read(answer: Answer, fine: frozenset[str] = frozenset()) -> Element:
    """Return the answer's XML if it tells of success, or of a failure that is `fine`.

    Raises ProviderAway and ProviderRefused.
    """
    require_success(answer)
    root = _parsed(answer.body)
    key = _text(root, "messageKey")
    if _text(root, "returncode").upper() == "SUCCESS" or key in fine:
        return root
    reason = f"{key}: {_text(root, 'message')}"[:SHOWN]
    raise ProviderAway(reason) if key in _TROUBLES or not key else ProviderRefused(reason)


def made_at(created: Element) -> datetime:
    """Return when the meeting was made. Raises ProviderAway."""
    return _instant(created, "createTime")


def recordings(
    root: Element, captions: Callable[[str], Sequence[RecordedFile]]
) -> Sequence[ProviderRecording]:
    """Return what is published, by its start. `captions` returns those of a recording's id."""
    found = [
        _recording(each, captions)
        for each in root.iterfind("recordings/recording")
        if _text(each, "published") == "true"
    ]
    return sorted(found, key=lambda each: (each.start, each.external_id))


def text_tracks(body: bytes) -> Sequence[RecordedFile]:
    """Return the captions that an answer of getRecordingTextTracks names. Raises ProviderAway."""
    try:
        tracks = json.loads(body)["response"].get("tracks", [])
        return [_captions(each) for each in tracks if is_safe(each["href"])]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ProviderAway("its answer about captions can't be understood") from None


def _parsed(body: bytes) -> Element:
    try:
        return ElementTree.fromstring(body, forbid_dtd=True)  # type: ignore[no-any-return]
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise ProviderAway("its answer is not the XML of BigBlueButton") from None


def _recording(
    root: Element, captions: Callable[[str], Sequence[RecordedFile]]
) -> ProviderRecording:
    recording_id = _text(root, "recordID")
    return ProviderRecording(
        external_id=recording_id,
        start=_instant(root, "startTime"),
        end=_instant(root, "endTime"),
        files=(*_files(root), *captions(recording_id)),
    )


def _files(root: Element) -> Iterator[RecordedFile]:
    for each in root.iterfind("playback/format"):
        kind, url = _FORMATS.get(_text(each, "type")), _text(each, "url")
        if kind and is_safe(url):
            file = f"{url.rstrip('/')}/{_VIDEO_FILE}" if _is_page(url) else url
            # How long the server worked on it: measured anew each time that it makes the file.
            yield _file(kind, file, _text(each, "processingTime"))


def _is_page(url: str) -> bool:
    return _suffix(url) not in _MEDIA_TYPES


def _file(kind: FileKind, url: str, version: str) -> RecordedFile:
    media_type = _MEDIA_TYPES[_suffix(url)]
    return RecordedFile(kind=kind, url=url, media_type=media_type, version=version)


def _suffix(url: str) -> str:
    return PurePosixPath(urlsplit(url).path).suffix.lower()


def _captions(track: dict[str, str]) -> RecordedFile:
    return RecordedFile(
        kind=FileKind.CAPTIONS,
        url=track["href"],
        media_type="text/vtt",
        language=str(track.get("lang", "")),
    )


def _text(root: Element, name: str) -> str:
    return (root.findtext(name) or "").strip()


def _instant(root: Element, name: str) -> datetime:
    try:
        return from_milliseconds(_text(root, name))
    except ValueError:
        raise ProviderAway(f"its answer has no instant <{name}>") from None
