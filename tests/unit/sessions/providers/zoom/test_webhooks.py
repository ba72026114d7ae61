"""Zoom's webhooks, by its documentation.

https://developers.zoom.us/docs/api/webhooks/, sections "Verify webhook events" and "Validate your
webhook endpoint"; the events are of https://developers.zoom.us/docs/api/meetings/events/ and of
https://github.com/zoom/webhook-sample.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.meetings import MeetingEvent, MeetingFact
from services.sessions.providers import zoom_webhooks as webhooks
from services.sessions.providers.port import BadWebhook, Delivery, Received

SECRET = "qwertyuiop"
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
URL = "https://tandem.example.edu/meetings/2"
UUID = "hwkAADUySwyG3GyUkqc0vA=="
STARTED: dict[str, Any] = {
    "event": "meeting.started",
    "payload": {
        "account_id": "{ACCOUNT_ID}",
        "object": {
            "duration": 0,
            "start_time": "2021-11-02T20:43:19Z",
            "timezone": "America/Denver",
            "topic": "{TOPIC}",
            "id": "95204914252",
            "type": 4,
            "uuid": UUID,
            "host_id": "{HOST_ID}",
        },
    },
    "event_ts": 1635885799302,
}


def event(name: str, **about: object) -> dict[str, Any]:
    """Return an event of the sample's meeting."""
    payload = {"account_id": "a", "object": {"id": "95204914252", "uuid": UUID, **about}}
    return {"event": name, "payload": payload, "event_ts": 1635885799302}


def delivery(told: object, sent: datetime = NOW, secret: str = SECRET) -> Delivery:
    """Return a request that is signed: HMAC-SHA256 of `v0:{timestamp}:{body}`."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    timestamp = str(int(sent.timestamp()))
    made = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256)
    headers = {
        "x-zm-request-timestamp": timestamp,
        "x-zm-signature": f"v0={made.hexdigest()}",
    }
    return Delivery(URL, headers, body)


def read(told: object) -> list[MeetingEvent]:
    """Return the events of a request."""
    return list(webhooks.read(delivery(told), SECRET, NOW).events)


def test_a_challenge_is_answered() -> None:
    """The answer to `endpoint.url_validation` has the token, and its HMAC by the secret."""
    told = {
        "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"},
        "event_ts": 1654503849680,
        "event": "endpoint.url_validation",
    }
    expected = hmac.new(SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert webhooks.read(delivery(told), SECRET, NOW) == Received(
        answer={"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": expected}
    )


def test_a_meeting_starts() -> None:
    """The sample's event is understood, with the meeting's own time."""
    assert read(STARTED) == [
        MeetingEvent(
            id=f"meeting.started/1635885799302/{UUID}/",
            external_id="95204914252",
            fact=MeetingFact.STARTED,
            at=datetime(2021, 11, 2, 20, 43, 19, tzinfo=UTC),
        )
    ]


def test_a_person_joins() -> None:
    """Who joined is known by the registrant's id, and at what time by `join_time`."""
    participant = {
        "user_id": "16778240",
        "user_name": "Ada",
        "registrant_id": "abcdefghij0-klmnopq23456",
        "participant_user_id": "rstuvwxyza789-cde",
        "id": "30R7kT7bTIKSNUFEuH_Qlg",
        "join_time": "2021-07-13T21:44:51Z",
        "email": "",
    }
    (told,) = read(event("meeting.participant_joined", participant=participant))
    assert told.fact is MeetingFact.JOINED
    assert (told.link_id, told.person_id) == ("abcdefghij0-klmnopq23456", "")
    assert told.connection == "16778240"
    assert told.at == datetime(2021, 7, 13, 21, 44, 51, tzinfo=UTC)


def test_the_host_joins() -> None:
    """A host has no registrant's id, and is known as the user of Zoom."""
    participant = {"user_id": "1", "registrant_id": None, "id": "30R7kT7bTIKSNUFEuH_Qlg"}
    (told,) = read(event("meeting.participant_joined", participant=participant))
    assert told.link_id == "30R7kT7bTIKSNUFEuH_Qlg"
    assert told.at == datetime(2021, 11, 2, 20, 43, 19, 302_000, UTC)


FILE = {"recording_start": "2019-07-31T22:41:02Z", "recording_end": "2019-07-31T23:00:00Z"}
OWN_START = datetime(2019, 7, 31, 22, 41, 2, tzinfo=UTC)
OWN_END = datetime(2019, 7, 31, 23, tzinfo=UTC)
EVENT_TIME = datetime(2021, 11, 2, 20, 43, 19, 302_000, UTC)


@pytest.mark.parametrize(
    ("name", "fact", "at"),
    [
        ("meeting.ended", MeetingFact.ENDED, EVENT_TIME),
        ("meeting.participant_left", MeetingFact.LEFT, EVENT_TIME),
        ("recording.started", MeetingFact.RECORDING_BEGUN, OWN_START),
        ("recording.resumed", MeetingFact.RECORDING_BEGUN, EVENT_TIME),
        ("recording.paused", MeetingFact.RECORDING_PAUSED, EVENT_TIME),
        ("recording.stopped", MeetingFact.RECORDING_PAUSED, OWN_END),
        ("recording.completed", MeetingFact.RECORDING_READY, EVENT_TIME),
        ("recording.transcript_completed", MeetingFact.RECORDING_READY, EVENT_TIME),
        ("recording.recovered", MeetingFact.RECORDING_READY, EVENT_TIME),
    ],
)
def test_facts(name: str, fact: MeetingFact, at: datetime) -> None:
    """Each event is one fact, at its own time where it has one."""
    (told,) = read(event(name, recording_file=FILE))
    assert (told.fact, told.at) == (fact, at)


@pytest.mark.parametrize("name", ["recording.trashed", "recording.deleted"])
def test_a_recording_goes(name: str) -> None:
    """A deleted recording is told part by part, by the ids that `recordings` has."""
    files = [FILE, FILE, {"recording_start": "2019-07-31T23:30:00Z"}]
    told = read(event(name, recording_files=files))
    assert {each.fact for each in told} == {MeetingFact.RECORDING_GONE}
    assert [each.recording_id for each in told] == [
        f"{UUID}/2019-07-31T22:41:02Z",
        f"{UUID}/2019-07-31T23:30:00Z",
    ]
    assert len({each.id for each in told}) == 2


def test_others_are_left_out() -> None:
    """An event that we do not know is no fault."""
    assert read(event("meeting.sharing_started")) == []
    assert read({"event": "user.created", "payload": {}, "event_ts": 1}) == []


@pytest.mark.parametrize("minutes", [-6, 6, 600])
def test_old_requests(minutes: int) -> None:
    """A request from more than five minutes ago is refused, and one from the future too."""
    late = delivery(STARTED, NOW - timedelta(minutes=minutes))
    with pytest.raises(BadWebhook, match="too old"):
        webhooks.read(late, SECRET, NOW)


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_requests_in_time(minutes: int) -> None:
    """A request from less than five minutes ago is taken, and one of a clock that is ahead."""
    assert webhooks.read(delivery(STARTED, NOW - timedelta(minutes=minutes)), SECRET, NOW).events


def test_signatures() -> None:
    """A signature is right for its body and time, and for no others."""
    right = delivery(STARTED)
    for wrong in (
        Delivery(URL, right.headers, right.body + b" "),
        Delivery(URL, {**right.headers, "x-zm-request-timestamp": "1"}, right.body),
        Delivery(URL, {**right.headers, "x-zm-signature": "v0="}, right.body),
        Delivery(URL, {**right.headers, "x-zm-signature": "ä"}, right.body),
        Delivery(URL, {}, right.body),
        delivery(STARTED, secret="another"),
    ):
        with pytest.raises(BadWebhook, match="signature is wrong"):
            webhooks.read(wrong, SECRET, NOW)


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        {"event": "endpoint.url_validation"},
        {"event": "endpoint.url_validation", "payload": {"plainToken": 7}},
        {"event": ["meeting.started"], "payload": {}},
        {"event": "meeting.started", "payload": {"object": {"id": 1, "uuid": "a"}}},
        event("meeting.started", start_time="soon"),
        event("meeting.participant_joined", participant={"user_id": {"$gt": ""}}),
        event("recording.deleted", recording_files=[{"recording_start": 7}]),
    ],
)
def test_what_can_not_be_understood(told: object) -> None:
    """A signed request with something else than an event is refused."""
    with pytest.raises(BadWebhook, match="can't be understood"):
        read(told)


_NAMES = ("event", "payload", "object", "participant", "recording_files", "id", "uuid", "event_ts")
_LEAVES = st.none() | st.integers() | st.sampled_from([*webhooks._FACTS, "", "7"])
_TREES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(_NAMES), _TREES, max_size=4))
def test_any_event(told: object) -> None:
    """Whatever a signed request has, it is understood or refused."""
    try:
        assert isinstance(webhooks.read(delivery(told), SECRET, NOW), Received)
    except BadWebhook:
        return


@given(st.binary(max_size=20), st.text(alphabet="v0=12²", max_size=12))
def test_any_delivery(body: bytes, text: str) -> None:
    """Whatever is sent without the secret is refused."""
    headers = {"x-zm-request-timestamp": text, "x-zm-signature": text}
    with pytest.raises(BadWebhook):
        webhooks.read(Delivery(URL, headers, body), SECRET, NOW)
