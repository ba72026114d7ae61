"""Callbacks of bbb-webhooks, by its documentation and its own examples.

https://docs.bigbluebutton.org/development/webhooks, section "Callback format"; the events are of
https://github.com/bigbluebutton/bbb-webhooks, example/events/mapped-events.json.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.meetings import MeetingEvent, MeetingFact
from services.sessions.providers import bigbluebutton_webhooks as webhooks
from services.sessions.providers.bigbluebutton import BigBlueButton
from services.sessions.providers.port import BadWebhook, Delivery, Received

SECRET = "639259d4-9dd8-4b25-bf01-95f9567eaf4b"
URL = "https://tandem.example.edu/meetings/1"
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
INTERNAL = "038b74cf04c0ee371f939c9e54de060753899589-1696511528029"
MEETING = {"internal-meeting-id": INTERNAL, "external-meeting-id": "random-3136035"}


def event(kind: str, ts: int, **attributes: Any) -> dict[str, Any]:
    """Return an event of the example's meeting."""
    about = {"meeting": MEETING, **attributes}
    return {"data": {"type": "event", "id": kind, "attributes": about, "event": {"ts": ts}}}


JOINED = event(
    "user-joined",
    1696511539543,
    user={
        "internal-user-id": "w_lxcl6yagcfbj",
        "external-user-id": "ada",
        "name": "User 1430416",
        "role": "VIEWER",
        "presenter": "false",
    },
)
ENDED = event("meeting-ended", 1696511606899)


def form(*told: object) -> bytes:
    """Return a body as callback-emitter.js makes it, with the keys in order of the alphabet."""
    inner = ",".join(json.dumps(each, separators=(",", ":")) for each in told)
    return urlencode(
        {"domain": "myserver.com", "event": f"[{inner}]", "timestamp": 1532718316953}
    ).encode()


def delivery(body: bytes, url: str = URL, algorithm: str = "sha256") -> Delivery:
    """Return a callback that is signed: `sha(<callback URL>+<data body>+<shared secret>)`."""
    signed = url.encode() + body + SECRET.encode()
    checksum = hashlib.new(algorithm, signed).hexdigest()
    return Delivery(f"{url}{'&' if '?' in url else '?'}checksum={checksum}", {}, body)


def read(*told: object) -> list[MeetingEvent]:
    """Return the events of a callback."""
    provider = BigBlueButton("https://bbb.example.edu/bigbluebutton/", SECRET)
    received = provider.read_webhook(delivery(form(*told)), NOW)
    assert received.answer is None
    return list(received.events)


def test_a_person_joins() -> None:
    """An event of a person has the person's id, the connection and the instant."""
    assert read(JOINED) == [
        MeetingEvent(
            id=f"{INTERNAL}/user-joined/1696511539543/w_lxcl6yagcfbj",
            external_id="random-3136035",
            fact=MeetingFact.JOINED,
            at=datetime(2023, 10, 5, 13, 12, 19, 543_000, UTC),
            person_id="ada",
            connection="w_lxcl6yagcfbj",
        )
    ]


@pytest.mark.parametrize(
    ("kind", "fact", "recording"),
    [
        ("meeting-created", MeetingFact.STARTED, ""),
        ("meeting-ended", MeetingFact.ENDED, ""),
        ("user-left", MeetingFact.LEFT, ""),
        ("meeting-recording-started", MeetingFact.RECORDING_BEGUN, ""),
        ("meeting-recording-stopped", MeetingFact.RECORDING_PAUSED, ""),
        ("rap-publish-ended", MeetingFact.RECORDING_READY, INTERNAL),
        ("rap-published", MeetingFact.RECORDING_READY, INTERNAL),
        ("rap-unpublished", MeetingFact.RECORDING_GONE, INTERNAL),
        ("rap-deleted", MeetingFact.RECORDING_GONE, INTERNAL),
    ],
)
def test_facts(kind: str, fact: MeetingFact, recording: str) -> None:
    """Each event that we ask for is one fact; those of recordings name the recording."""
    (told,) = read(event(kind, 1))
    assert (told.fact, told.recording_id) == (fact, recording)
    assert kind in webhooks.FACTS


def test_others_are_left_out() -> None:
    """An event that we do not know is no fault."""
    assert read(event("poll-started", 1), event("meeting-recording-unhandled", 2)) == []


def test_several_at_once() -> None:
    """A callback may have several events (`multiEvent` in the configuration)."""
    assert [each.fact for each in read(JOINED, ENDED)] == [MeetingFact.JOINED, MeetingFact.ENDED]


def test_one_without_a_list() -> None:
    """An event without a list around it is understood, as the page shows it."""
    body = urlencode({"event": json.dumps(ENDED), "timestamp": 1}).encode()
    assert [each.fact for each in webhooks.read(delivery(body), SECRET)] == [MeetingFact.ENDED]


def test_a_recording_of_a_forgotten_meeting() -> None:
    """After a day the server has forgotten the meeting's id; then it tells the recording's."""
    about = {"internal-meeting-id": INTERNAL}
    (told,) = read(event("rap-deleted", 1, meeting=about))
    assert (told.external_id, told.recording_id) == ("", INTERNAL)


def test_a_repeat_has_the_same_id() -> None:
    """A callback that is sent again, or to another hook, has the same events."""
    again = webhooks.read(delivery(form(JOINED), f"{URL}/other", "sha512"), SECRET)
    assert read(JOINED) == list(again)


def test_ids_differ() -> None:
    """Two events have two ids."""
    other = event("user-joined", 1696511539543, user={"internal-user-id": "w_other"})
    told = read(JOINED, other, event("user-left", 1696511539543), ENDED)
    assert len({each.id for each in told}) == 4


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("url", [URL, f"{URL}?pool=a", f"{URL}?checksum=1"])
def test_checksums(algorithm: str, url: str) -> None:
    """A checksum by each algorithm is right for its body and URL, and for no others."""
    right = delivery(form(JOINED), url, algorithm)
    assert len(webhooks.read(right, SECRET)) == 1
    for wrong in (
        Delivery(right.url, {}, right.body + b"&x=1"),
        Delivery(right.url.replace("/meetings/", "/meetings/2"), {}, right.body),
        Delivery(right.url[:-1] + ("0" if right.url[-1] != "0" else "1"), {}, right.body),
        Delivery(right.url + "0", {}, right.body),
        Delivery(url, {}, right.body),
        Delivery(right.url.replace("checksum=", "sum="), {}, right.body),
    ):
        with pytest.raises(BadWebhook, match="checksum"):
            webhooks.read(wrong, SECRET)
    with pytest.raises(BadWebhook, match="checksum is wrong"):
        webhooks.read(right, "another secret")


def test_the_checksum_of_version_2() -> None:
    """Version 2 signs the fields in JSON (bigbluebutton, bbb-webhooks/callback_emitter.js), so that
    a body with another event is not right either.
    """
    told = f"[{json.dumps(JOINED, ensure_ascii=False, separators=(',', ':'))}]"
    fields = {"event": told, "timestamp": 1532718316953, "domain": "myserver.com"}
    signed = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    checksum = hashlib.sha1(f"{URL}{signed}{SECRET}".encode()).hexdigest()
    url = f"{URL}?checksum={checksum}"
    assert webhooks.read(Delivery(url, {}, urlencode(fields).encode()), SECRET) == read(JOINED)
    changed = urlencode({**fields, "event": told.replace("ada", "eve")}).encode()
    with pytest.raises(BadWebhook, match="checksum is wrong"):
        webhooks.read(Delivery(url, {}, changed), SECRET)


def test_a_checksum_without_the_body() -> None:
    """A preview of version 3 signed the URL and `{}` alone: that proves nothing, and is refused."""
    checksum = hashlib.sha1(f"{URL}{{}}{SECRET}".encode()).hexdigest()
    with pytest.raises(BadWebhook, match="checksum is wrong"):
        webhooks.read(Delivery(f"{URL}?checksum={checksum}", {}, form(JOINED)), SECRET)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"event",
        b"event=",
        b"timestamp=1",
        b"event=" + b"[" * 100_000,
        b"&".join(b"event=[]" for _ in range(100)),
        b"event=\xff",
        form({}),
        form({"data": None}),
        form({"data": {"id": "meeting-ended", "attributes": {"meeting": []}}}),
        form({"data": {"id": ["meeting-ended"]}}),
        form(event("meeting-ended", 10**30)),
        form({**ENDED, "data": {**ENDED["data"], "event": {"ts": None}}}),
        form(event("user-joined", 1, user={"external-user-id": {"$gt": ""}})),
        form(event("meeting-ended", 1, meeting={"internal-meeting-id": 7})),
    ],
)
def test_what_can_not_be_understood(body: bytes) -> None:
    """A signed callback with something else than events is refused."""
    with pytest.raises(BadWebhook, match="can't be understood"):
        webhooks.read(delivery(body), SECRET)


_NAMES = ("data", "id", "attributes", "meeting", "user", "event", "ts", "internal-meeting-id")
_LEAVES = st.none() | st.integers() | st.sampled_from([*webhooks.FACTS, "", "w_1"])
_TREES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_TREES)
def test_any_event(told: object) -> None:
    """Whatever a signed callback has, it is understood or refused."""
    try:
        assert isinstance(Received(webhooks.read(delivery(form(told)), SECRET)), Received)
    except BadWebhook:
        return


@given(st.text(alphabet="?&=checksum0a", max_size=60), st.binary(max_size=20))
def test_any_delivery(url: str, body: bytes) -> None:
    """Whatever is sent without the secret is refused."""
    with pytest.raises(BadWebhook):
        webhooks.read(Delivery(url, {}, body), SECRET)
