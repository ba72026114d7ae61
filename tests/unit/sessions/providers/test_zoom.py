"""Zoom's API, by the examples of its documentation, shortened where a part does not matter.

The sections are of https://developers.zoom.us/docs/api/meetings/; tokens are of
https://developers.zoom.us/docs/internal-apps/s2s-oauth/.
"""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sessions.domain.meetings import Attendee, FileKind, JoinLink, ProviderMeeting
from services.sessions.providers.port import MeetingProvider, ProviderAway, ProviderRefused
from services.sessions.providers.zoom import Zoom, registrant_address
from services.sessions.providers.zoom_client import Credentials, ZoomClient, in_path
from tests.unit.sessions.providers.plans import ADA, GRACE, PLAN
from tests.unit.sessions.providers.replay import PATIENT, Canned, Replay, Seen

MEETING = ProviderMeeting(external_id="95204914252")


def answer(told: object, status: int = 200, **headers: str) -> Canned:
    """Return an answer in JSON."""
    return Canned(json.dumps(told), status, {"content-type": "application/json", **headers})


def token(name: str = "first", lasts: object = 3_600) -> Canned:
    """Return the answer of section "Generate access token"."""
    scope = "meeting:write:admin"
    return answer(
        {"access_token": name, "token_type": "bearer", "expires_in": lasts, "scope": scope}
    )


NO_MEETINGS = answer({"page_size": 300, "next_page_token": "", "meetings": []})
CREATED = {
    "uuid": "aDYlohsHRtCd4ii1uC2+hA==",
    "id": 95204914252,
    "host_id": "30R7kT7bTIKSNUFEuH_Qlg",
    "topic": "My Meeting",
    "type": 2,
    "status": "waiting",
    "start_time": "2019-08-30T22:00:00Z",
    "created_at": "2019-08-30T21:58:12Z",
    "start_url": "https://zoom.us/s/95204914252?zak=eyJ0eXAiOiJKV1QifQ",
    "join_url": "https://zoom.us/j/95204914252",
    "agenda": "[session 0190a6ad-9f3e]",
}
NOT_FOUND = answer({"code": 3001, "message": "Meeting does not exist: 95204914252."}, 404)


class Clock:
    """A monotonic clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(server: Replay, clock: Clock) -> Zoom:
    client = ZoomClient(
        Credentials("account", "client", "secret"),
        api=f"{server.url}/v2",
        oauth=f"{server.url}/oauth/token",
        limits=PATIENT,
        monotonic=clock,
    )
    return Zoom(
        client, host="host@example.edu", webhook_secret="s", registrant_domain="no.example.edu"
    )


def body(seen: Seen) -> Any:
    """Return the JSON of a request."""
    return json.loads(seen.body)


def address(person: Attendee, meeting: ProviderMeeting = MEETING) -> str:
    """Return the address by which Zoom knows a person."""
    return registrant_address(meeting, person, "no.example.edu")


def registered(path: Seen) -> list[dict[str, str]]:
    """Return whom a request registers."""
    people: list[dict[str, str]] = body(path)["registrants"]
    return people


def test_it_is_a_meeting_provider(provider: Zoom) -> None:
    """The adapter has all that the port asks for, and makes no link without a call."""
    port: MeetingProvider = provider
    assert port.join_link(MEETING, ADA) is None


def test_create(server: Replay, provider: Zoom) -> None:
    """A meeting is made by section "Create a meeting": with registration, and without mails."""
    server.plan(token(), NO_MEETINGS, answer(CREATED, 201))
    made = provider.create(PLAN)
    assert made == ProviderMeeting(
        external_id="95204914252", made_at=datetime(2019, 8, 30, 21, 58, 12, tzinfo=UTC)
    )
    asked, listed, creation = server.seen
    basic = base64.b64encode(b"client:secret").decode()
    assert (asked.method, asked.path) == ("POST", "/oauth/token")
    assert asked.query == {"grant_type": "account_credentials", "account_id": "account"}
    assert asked.headers["authorization"] == f"Basic {basic}"
    assert listed.target.startswith("/v2/users/host%40example.edu/meetings?type=scheduled")
    assert (creation.method, creation.path) == ("POST", "/v2/users/host%40example.edu/meetings")
    assert creation.headers["authorization"] == "Bearer first"
    assert body(creation) == {
        "topic": "Lecture: lenses",
        "agenda": "[session 0190a6ad-9f3e]",
        "type": 2,
        "start_time": "2026-11-30T09:00:00Z",
        "duration": 50,
        "settings": {
            "approval_type": 0,
            "registrants_confirmation_email": False,
            "registrants_email_notification": False,
            "join_before_host": False,
            "waiting_room": False,
            "use_pmi": False,
            "auto_recording": "cloud",
        },
    }


def test_create_finds_what_it_made(server: Replay, provider: Zoom) -> None:
    """A meeting that an earlier call made, whose answer was lost, is found by its mark on any page.

    So a repeat makes no second one, though Zoom's creation is not idempotent.
    """
    other = {**CREATED, "id": 1, "agenda": "[session another]"}
    first = answer({"next_page_token": "w7587w4eiyfsudgf", "meetings": [other, {"id": 2}]})
    server.plan(token(), first, answer({"next_page_token": "", "meetings": [CREATED]}))
    assert provider.create(PLAN).external_id == "95204914252"
    assert server.seen[-1].query["next_page_token"] == "w7587w4eiyfsudgf"
    assert [seen.method for seen in server.seen] == ["POST", "GET", "GET"]


def test_a_list_that_does_not_end(server: Replay, provider: Zoom) -> None:
    """A list whose pages never end counts as away."""
    page = answer({"next_page_token": "again", "meetings": []})
    server.plan(token(), *(page for _ in range(100)))
    with pytest.raises(ProviderAway, match="does not end"):
        provider.create(PLAN)


def test_registration(server: Replay, provider: Zoom) -> None:
    """Who has no link is registered by "Perform batch registration", with no mail address of
    theirs; who has one keeps it ("List meeting registrants").
    """
    eve = replace(ADA, person_id="eve", name="Eve\n")
    listed = {
        "registrants": [
            {
                "id": "9tboDiHUQAeOnbmudzWa5g",
                "email": address(ADA),
                "join_url": "https://zoom.us/w/1",
            },
            {"id": "other", "email": "other@example.com", "join_url": "https://zoom.us/w/2"},
        ]
    }
    made = {
        "registrants": [
            {
                "email": address(eve),
                "join_url": "https://zoom.us/w/3",
                "registrant_id": "a",
            }
        ]
    }
    server.plan(token(), answer(listed), answer(made, 201))
    assert provider.register(MEETING, [eve, ADA]) == [
        JoinLink(person_id="eve", url="https://zoom.us/w/3", external_id="a"),
        JoinLink(person_id="ada", url="https://zoom.us/w/1", external_id="9tboDiHUQAeOnbmudzWa5g"),
    ]
    _, asked, batch = server.seen
    assert asked.path == "/v2/meetings/95204914252/registrants"
    assert batch.path == "/v2/meetings/95204914252/batch_registrants"
    assert body(batch)["registrants_confirmation_email"] is False
    (person,) = registered(batch)
    assert person["first_name"] == "Eve"
    assert person["email"].endswith("@no.example.edu")
    assert "eve" not in person["email"]


def test_many_are_registered_in_batches(server: Replay, provider: Zoom) -> None:
    """A batch has 30 people at most, as the section says."""
    people = [replace(ADA, person_id=f"p{number}") for number in range(65)]

    def made(batch: list[Any]) -> Canned:
        told = [
            {
                "email": address(each),
                "join_url": f"https://zoom.us/w/{each.person_id}",
                "registrant_id": each.person_id,
            }
            for each in batch
        ]
        return answer({"registrants": told}, 201)

    batches = [people[:30], people[30:60], people[60:]]
    server.plan(token(), answer({"registrants": []}), *(made(each) for each in batches))
    links = provider.register(MEETING, people)
    assert [each.external_id for each in links] == [each.person_id for each in people]
    assert [len(registered(seen)) for seen in server.seen[2:]] == [30, 30, 5]


def test_addresses_tell_nothing() -> None:
    """A person has another address in each meeting, always the same one there."""
    other = ProviderMeeting(external_id="1")
    found = [address(ADA, meeting) for meeting in (MEETING, MEETING, other)]
    assert found[0] == found[1] != found[2]


def test_a_person_who_is_not_registered(server: Replay, provider: Zoom) -> None:
    """A batch whose answer leaves somebody out counts as away, so that the job tries again."""
    server.plan(token(), answer({"registrants": []}), answer({"registrants": []}, 201))
    with pytest.raises(ProviderAway, match="no link"):
        provider.register(MEETING, [ADA])


def test_a_host(server: Replay, provider: Zoom) -> None:
    """A host gets a fresh `start_url`, which lasts two hours ("Get a meeting"), and needs no list
    of registrants.
    """
    server.plan(token(), answer(CREATED))
    assert provider.register(MEETING, [GRACE]) == [
        JoinLink(
            person_id="grace",
            url="https://zoom.us/s/95204914252?zak=eyJ0eXAiOiJKV1QifQ",
            external_id="30R7kT7bTIKSNUFEuH_Qlg",
            lasts=timedelta(hours=2),
        )
    ]
    assert len(server.seen) == 2


def test_nobody(server: Replay, provider: Zoom) -> None:
    """Without people nothing is called."""
    assert provider.register(MEETING, []) == []
    assert server.seen == []


def test_end(server: Replay, provider: Zoom) -> None:
    """A meeting that runs is ended by "Update meeting status", which answers nothing."""
    server.plan(token(), answer({**CREATED, "status": "started"}), Canned(status=204))
    provider.end(MEETING)
    last = server.seen[-1]
    assert (last.method, last.path) == ("PUT", "/v2/meetings/95204914252/status")
    assert body(last) == {"action": "end"}


@pytest.mark.parametrize("told", [answer(CREATED), NOT_FOUND])
def test_end_of_what_does_not_run(server: Replay, provider: Zoom, told: Canned) -> None:
    """A meeting that does not run, or is unknown, counts as ended."""
    server.plan(token(), told)
    provider.end(MEETING)
    assert server.is_done
    assert len(server.seen) == 2


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


def test_a_token_is_kept(server: Replay, provider: Zoom, clock: Clock) -> None:
    """A token is used until a minute before its end."""
    server.plan(token("first"), NOT_FOUND, NOT_FOUND, token("second"), NOT_FOUND)
    provider.end(MEETING)
    clock.seconds = 3_539
    provider.end(MEETING)
    clock.seconds = 3_540
    provider.end(MEETING)
    used = [seen.headers["authorization"] for seen in server.seen if seen.method == "GET"]
    assert used == ["Bearer first", "Bearer first", "Bearer second"]


def test_a_revoked_token_is_renewed_once(server: Replay, provider: Zoom) -> None:
    """A call that the token does not allow is repeated with a new one, and then refused (4700)."""
    invalid = answer({"code": 124, "message": "Invalid access token."}, 401)
    server.plan(token("first"), invalid, token("second"), answer(CREATED))
    provider.end(MEETING)
    assert server.seen[-1].headers["authorization"] == "Bearer second"
    server.plan(invalid, token("third"), invalid)
    with pytest.raises(ProviderRefused, match="124 Invalid access token"):
        provider.end(MEETING)
    assert server.is_done


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"access_token": "t"},
        {"access_token": "t", "expires_in": "3600"},
        {"access_token": 7, "expires_in": 3600},
        [],
    ],
)
def test_an_answer_without_a_token(server: Replay, provider: Zoom, told: object) -> None:
    """An answer that has no token counts as away."""
    server.plan(answer(told))
    with pytest.raises(ProviderAway):
        provider.end(MEETING)


def test_wrong_credentials(server: Replay, provider: Zoom) -> None:
    """Wrong credentials are refused, with Zoom's reason."""
    told = {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
    server.plan(answer(told, 401))
    with pytest.raises(ProviderRefused, match="Invalid client_id or client_secret"):
        provider.end(MEETING)


def test_too_many_calls(server: Replay, provider: Zoom) -> None:
    """A rate limit counts as away until the time that it names
    (https://developers.zoom.us/docs/api/rate-limits/: an instant by ISO 8601).
    """
    limit = answer(
        {"code": 429, "message": "You have exceeded the daily rate limit (100)"},
        429,
        **{"retry-after": "2099-01-01T00:00:00Z"},
    )
    server.plan(token(), NO_MEETINGS, limit)
    with pytest.raises(ProviderAway, match="daily rate limit") as told:
        provider.create(PLAN)
    assert told.value.retry_after > 86_400


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_refusals(server: Replay, provider: Zoom, status: int) -> None:
    """What Zoom refuses is refused, with its code and words (docs/api/errors)."""
    server.plan(token(), answer({"code": 300, "message": "Validation Failed."}, status))
    with pytest.raises(ProviderRefused, match=r"300 Validation Failed\."):
        provider.create(PLAN)


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"<html>",
    b"[" * 100_000,
    b'{"meetings": [1]}',
    b'{"meetings": {"a": 1}, "next_page_token": {"b": 2}}',
    b"\xff\xfe",
    b'{"meetings": [{"agenda": "[session 0190a6ad-9f3e]"}]}',
    b'{"meetings": [{"agenda": "[session 0190a6ad-9f3e]", "id": 1, "created_at": 7}]}',
    b'{"registrants": [{"email": []}]}',
    b'{"meetings": [{"uuid": "a"}], "recording_files": [{"file_type": [], "status": 1}]}',
    b'{"meetings": [{"uuid": "a"}], "recording_files": [{"file_type": "MP4", "status": 1}]}',
    b'{"uuid": 1, "recording_files": [{"file_type": "MP4", "status": "completed"}]}',
]


ACTS: dict[str, Callable[[Zoom], object]] = {
    "create": lambda provider: provider.create(PLAN),
    "register": lambda provider: provider.register(MEETING, [ADA, GRACE]),
    "end": lambda provider: provider.end(MEETING),
    "recordings": lambda provider: provider.recordings(MEETING),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("content", HOSTILE)
def test_hostile_answers(server: Replay, provider: Zoom, content: bytes, act: str) -> None:
    """Whatever JSON or other bytes Zoom answers, it counts as away, or as nothing."""
    server.plan(token(), *(Canned(content) for _ in range(5)))
    with suppress(ProviderAway):
        assert not ACTS[act](provider)


def test_uuids_in_paths() -> None:
    """A UUID that begins with a slash or has two is encoded twice, others once."""
    assert in_path("a/b==") == "a%2Fb%3D%3D"
    assert in_path("/b") == "%252Fb"
    assert in_path("a//b") == "a%252F%252Fb"


def test_credentials_are_not_shown() -> None:
    """The secret does not appear where somebody prints the credentials."""
    assert "hidden" not in repr(Credentials("account", "client", "hidden"))
