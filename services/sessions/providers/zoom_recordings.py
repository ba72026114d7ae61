"""Zoom's cloud recordings: what "Get meeting recordings" answers, part by part.

Each time the host starts to record, a part begins: it has files of all kinds with one start.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from services.sessions.domain.meetings import FileKind, ProviderRecording, RecordedFile
from services.sessions.providers.http import is_safe
from services.sessions.providers.port import ProviderAway
from services.sessions.providers.values import from_iso
from services.sessions.providers.zoom_client import objects, words

_KINDS = {
    "MP4": (FileKind.VIDEO, "video/mp4"),
    "M4A": (FileKind.AUDIO, "audio/mp4"),
    "CC": (FileKind.CAPTIONS, "text/vtt"),
    "TRANSCRIPT": (FileKind.TRANSCRIPT, "text/vtt"),
}
_BEST_VIEWS = (
    "shared_screen_with_speaker_view(CC)",
    "shared_screen_with_speaker_view",
    "shared_screen_with_gallery_view",
    "active_speaker",
    "gallery_view",
)
"""Values of `recording_type` that show most of a class; other views come after them."""


def parts(instance: Mapping[str, Any]) -> Sequence[ProviderRecording]:
    """Return the parts of one time that the meeting was held, by their start.

    Raises ProviderAway for an answer that can't be understood.
    """
    found = defaultdict(list)
    for each in objects(instance.get("recording_files")):
        if words(each, "file_type") in _KINDS and each.get("status") == "completed":
            found[words(each, "recording_start")].append(each)
    uuid = words(instance, "uuid")
    try:
        made = [_part(uuid, start, files) for start, files in found.items()]
    except ValueError as error:
        raise ProviderAway(f"its recordings can't be understood: {error}") from None
    return sorted(made, key=lambda each: each.start)


def part_id(uuid: str, start: str) -> str:
    """Return our id of a part, by the text of its start: Zoom has ids only of its files."""
    return f"{uuid}/{start}"


def _part(uuid: str, start: str, files: Sequence[Mapping[str, Any]]) -> ProviderRecording:
    return ProviderRecording(
        external_id=part_id(uuid, start),
        start=from_iso(start),
        end=max(from_iso(each.get("recording_end")) for each in files),
        files=tuple(_file(each) for each in sorted(files, key=_rank)),
    )


def _rank(file: Mapping[str, Any]) -> int:
    view = file.get("recording_type")
    return _BEST_VIEWS.index(view) if view in _BEST_VIEWS else len(_BEST_VIEWS)


def _file(file: Mapping[str, Any]) -> RecordedFile:
    kind, media_type = _KINDS[file["file_type"]]
    url, size = words(file, "download_url"), file.get("file_size")
    if not is_safe(url):
        raise ValueError("a file has no URL of HTTPS")
    return RecordedFile(
        kind=kind,
        url=url,
        media_type=media_type,
        size=size if isinstance(size, int) else 0,
        version=words(file, "id"),
    )
