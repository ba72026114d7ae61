"""Zoom's recordings, by https://developers.zoom.us/docs/api/meetings/."""

from datetime import UTC, datetime

import pytest

from services.sessions.domain.meetings import FileKind
from services.sessions.providers.zoom import Zoom
from services.sessions.providers.zoom_client import in_path
from tests.unit.sessions.providers.replay import Replay
from tests.unit.sessions.providers.zoom.exchanges import MEETING, NOT_FOUND, answer, token


def file(kind: str, start: str, **more: object) -> dict[str, object]:
    """Return a file as section "Get meeting recordings" shows it."""
    return {
        "id": f"{kind}-{start}",
        "meeting_id": "gkABCDEbbbbbbbkPuA==",
        "recording_start": f"2019-08-29T21:{start}Z",
        "recording_end": "2019-08-29T22:55:24Z",
        "file_type": kind,
        "file_size": 37285,
        "download_url": f"https://zoom.us/rec/download/{kind}-{start}",
        "status": "completed",
        **more,
    }


def test_recordings(server: Replay, provider: Zoom) -> None:
    """The recordings of all times that the meeting was held come part by part, best view first
    ("List past meeting instances", "Get meeting recordings").
    """
    instances = {"meetings": [{"uuid": "/Vg8IdgluR5WDeWIkpJlElQ=="}, {"uuid": "gkA=="}]}
    late = {
        "uuid": "/Vg8IdgluR5WDeWIkpJlElQ==",
        "recording_files": [
            file("MP4", "54:55", recording_type="gallery_view"),
            file("MP4", "54:55", recording_type="shared_screen_with_speaker_view"),
            file("TIMELINE", "54:55"),
            file("M4A", "54:55"),
            file("MP4", "58:00", status="processing"),
            file("MP4", "59:00"),
        ],
    }
    early = {
        "uuid": "gkA==",
        "recording_files": [file("TRANSCRIPT", "10:00"), file("CC", "10:00")],
    }
    server.plan(token(), answer(instances), answer(late), answer(early))
    found = provider.recordings(MEETING)
    assert [seen.target for seen in server.seen[1:]] == [
        "/v2/past_meetings/95204914252/instances",
        "/v2/meetings/%252FVg8IdgluR5WDeWIkpJlElQ%253D%253D/recordings",
        "/v2/meetings/gkA%3D%3D/recordings",
    ]
    assert [each.external_id for each in found] == [
        "gkA==/2019-08-29T21:10:00Z",
        "/Vg8IdgluR5WDeWIkpJlElQ==/2019-08-29T21:54:55Z",
        "/Vg8IdgluR5WDeWIkpJlElQ==/2019-08-29T21:59:00Z",
    ]
    assert [[each.kind for each in part.files] for part in found] == [
        [FileKind.TRANSCRIPT, FileKind.CAPTIONS],
        [FileKind.VIDEO, FileKind.VIDEO, FileKind.AUDIO],
        [FileKind.VIDEO],
    ]
    assert found[0].start == datetime(2019, 8, 29, 21, 10, tzinfo=UTC)
    assert found[0].end == datetime(2019, 8, 29, 22, 55, 24, tzinfo=UTC)
    assert found[0].files[0].media_type == "text/vtt"
    assert found[0].files[0].size == 37_285


def test_no_recordings(server: Replay, provider: Zoom) -> None:
    """A meeting that was not held, or not recorded, has none (code 3301)."""
    none = answer({"code": 3301, "message": "This recording does not exist."}, 404)
    server.plan(token(), NOT_FOUND, answer({"meetings": [{"uuid": "a"}]}), none)
    assert provider.recordings(MEETING) == []
    assert provider.recordings(MEETING) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://zoom.us/rec/download/1", True),
        ("https://us06web.zoom.us/rec/webhook_download/1", True),
        ("https://zoom.us.example.com/rec/1", False),
        ("https://evilzoom.us/rec/1", False),
        ("http://zoom.us/rec/1", False),
        ("https://example.com/zoom.us", False),
        ("", False),
    ],
)
def test_the_token_goes_to_zoom_only(server: Replay, provider: Zoom, url: str, shown: bool) -> None:
    """A recording's file is fetched with the token, if it is at Zoom's, and else without."""
    server.plan(token())
    assert provider.fetch_headers(url) == ({"authorization": "Bearer first"} if shown else {})


def test_uuids_in_paths() -> None:
    """A UUID that begins with a slash or has two is encoded twice, others once."""
    assert in_path("a/b==") == "a%2Fb%3D%3D"
    assert in_path("/b") == "%252Fb"
    assert in_path("a//b") == "a%252F%252Fb"
