"""The adapter of BigBlueButton and the demo's provider: calls, links, webhooks, recordings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from campus.stack.meetings import Meetings
from campus.waiting import wait_until
from services.sessions.domain.meetings import (
    Attendee,
    FileKind,
    MeetingEvent,
    MeetingFact,
    MeetingPlan,
    ProviderMeeting,
)
from services.sessions.domain.skew import skew
from services.sessions.providers.bigbluebutton import BigBlueButton
from services.sessions.providers.http import Limits
from services.sessions.providers.port import Delivery, ProviderAway, ProviderRefused
from tests.deep import only_deep
from tests.unit.sessions.providers.replay import PATIENT, Canned, Replay, replaying

NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
ADA = Attendee(person_id="ada", name="Ada Lovelace")
EVE = Attendee(person_id="eve", name="Eve & co.")


@pytest.fixture(scope="module")
def meetings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meetings]:
    """The provider, as a process."""
    part = Meetings(tmp_path_factory.mktemp("meetings"))
    part.start()
    yield part
    part.kill()


class Receiver:
    """Our end of the webhooks: it takes them all, and reads them with the adapter."""

    def __init__(self, replay: Replay, provider: BigBlueButton) -> None:
        self._replay, self._provider = replay, provider
        self.url = f"{replay.url}/meetings/1"

    def events(self) -> list[MeetingEvent]:
        """Return what was told, in order of arrival."""
        root = self._replay.url
        deliveries = (Delivery(root + seen.target, {}, seen.body) for seen in self._replay.seen)
        return [
            event
            for delivery in deliveries
            for event in self._provider.read_webhook(delivery, NINE).events
        ]

    def facts(self) -> list[MeetingFact]:
        """Return the facts that were told, in order of arrival."""
        return [event.fact for event in self.events()]


@dataclass
class World:
    """The provider, the adapter, the receiver, and a meeting."""

    meetings: Meetings
    provider: BigBlueButton
    receiver: Receiver
    plan: MeetingPlan

    browser: httpx.Client

    def get(self, url: str) -> httpx.Response:
        """Open a URL."""
        return self.browser.get(url)

    def make(self) -> ProviderMeeting:
        """Make the meeting."""
        return self.provider.create(self.plan)

    def heard(self) -> list[MeetingEvent]:
        """Return all events, when all are sent."""
        self.meetings.settle()
        return self.receiver.events()

    def publish(self, start: datetime, end: datetime, captions: bool = False) -> None:
        """Publish a recording of the meeting."""
        asked = {"start": start.isoformat(), "end": end.isoformat(), "captions": captions}
        self.meetings.control("recording", meeting=self.plan.session_id, **asked)


@pytest.fixture(scope="module")
def browser() -> Iterator[httpx.Client]:
    """What opens links."""
    with httpx.Client(timeout=60, trust_env=False, follow_redirects=True) as client:
        yield client


@pytest.fixture
def world(
    meetings: Meetings, browser: httpx.Client, request: pytest.FixtureRequest
) -> Iterator[World]:
    with receiving() as replay:
        provider = BigBlueButton(meetings.url, meetings.secret, limits=PATIENT)
        receiver = Receiver(replay, provider)
        plan = MeetingPlan(
            session_id=request.node.name.replace("[", "-").rstrip("]"),
            title="Lecture: lenses",
            start_time=NINE,
            duration=timedelta(minutes=50),
            most_participants=2,
            recorded=True,
            webhook_url=receiver.url,
        )
        yield World(meetings, provider, receiver, plan, browser)
        meetings.control("webhooks", forget=True)
        meetings.control("clock", ahead=0)


@contextmanager
def receiving() -> Iterator[Replay]:
    """Run a server that takes every webhook."""
    with replaying() as replay:
        replay.plan(*(Canned() for _ in range(200)))
        yield replay


def test_a_class(world: World) -> None:
    """A class goes from its creation to its end, and all that happens is told, in order."""
    meeting = world.make()
    assert world.make() == meeting
    for person in (ADA, EVE):
        link = world.provider.join_link(meeting, person)
        assert world.get(link.url).text == "You are in the meeting.\n"
    world.provider.end(meeting)
    world.provider.end(meeting)
    told = world.heard()
    assert [(event.fact, event.person_id) for event in told] == [
        (MeetingFact.STARTED, ""),
        (MeetingFact.JOINED, "ada"),
        (MeetingFact.RECORDING_BEGUN, ""),
        (MeetingFact.JOINED, "eve"),
        (MeetingFact.LEFT, "ada"),
        (MeetingFact.LEFT, "eve"),
        (MeetingFact.ENDED, ""),
    ]
    assert {event.external_id for event in told} == {world.plan.session_id}


@pytest.mark.parametrize("part", ["role=VIEWER", "userID=ada", "fullName=Ada"])
def test_a_changed_link_does_not_work(world: World, part: str) -> None:
    """Who changes a part of the own link, such as the role, does not get in."""
    link = world.provider.join_link(world.make(), ADA).url
    changed = {"role=VIEWER": "role=MODERATOR"}.get(part, part + "2")
    assert "checksumError" in world.get(link.replace(part, changed)).text


def test_a_link_leads_to_its_meeting_only(world: World) -> None:
    """A link of a meeting that has ended does not lead into the next one by the same id."""
    meeting = world.make()
    world.provider.end(meeting)
    again = world.make()
    assert again.made_at != meeting.made_at
    assert "mismatchCreateTime" in world.get(world.provider.join_link(meeting, ADA).url).text


def test_a_full_meeting(world: World) -> None:
    """The provider lets in as many as the plan says."""
    meeting = world.make()
    links = [world.provider.join_link(meeting, replace(ADA, person_id=f"p{n}")).url for n in "123"]
    told = [world.get(link).text for link in links]
    assert told[:2] == ["You are in the meeting.\n"] * 2
    assert "maxParticipantsReached" in told[2]


def test_a_wrong_secret(world: World) -> None:
    """A wrong secret is refused."""
    stranger = BigBlueButton(world.meetings.url, "wrong", limits=PATIENT)
    with pytest.raises(ProviderRefused, match="checksumError"):
        stranger.create(world.plan)


def test_visits_at_given_times(world: World) -> None:
    """The demo makes people join and leave at given times; a clock that is ahead tells them so."""
    world.make()
    world.meetings.control("clock", ahead=7.5)
    times = {"joined_at": NINE.isoformat(), "left_at": (NINE + timedelta(minutes=20)).isoformat()}
    world.meetings.control("visit", meeting=world.plan.session_id, user="ada", **times)
    joined, left = (event for event in world.heard() if event.person_id)
    assert (joined.fact, left.fact) == (MeetingFact.JOINED, MeetingFact.LEFT)
    assert joined.connection == left.connection
    assert joined.at == NINE + timedelta(seconds=7.5)
    assert left.at - joined.at == timedelta(minutes=20)


def test_the_skew_is_found(world: World) -> None:
    """From the provider's clock and ours, an instant of the class is found again."""
    world.meetings.control("clock", ahead=-90)
    readings = [world.provider.read_clock(lambda: datetime.now(UTC)) for _ in range(3)]
    found = skew(reading for reading in readings if reading)
    assert found is not None
    assert abs(found.ahead + timedelta(seconds=90)) <= found.error


def test_pauses(world: World) -> None:
    """The recorder's pauses are told, with their times."""
    world.make()
    for minutes, on in ((0, True), (10, False), (15, True)):
        at = (NINE + timedelta(minutes=minutes)).isoformat()
        world.meetings.control("recorder", meeting=world.plan.session_id, on=on, at=at)
    told = [event for event in world.heard() if event.fact is not MeetingFact.STARTED]
    assert [(event.fact, event.at - NINE) for event in told] == [
        (MeetingFact.RECORDING_BEGUN, timedelta()),
        (MeetingFact.RECORDING_PAUSED, timedelta(minutes=10)),
        (MeetingFact.RECORDING_BEGUN, timedelta(minutes=15)),
    ]


def test_repeats_and_disorder(world: World) -> None:
    """Webhooks come twice and backwards if told so; then each event has its one id."""
    meeting = world.make()
    world.meetings.control("webhooks", copies=2, held=3)
    world.get(world.provider.join_link(meeting, ADA).url)
    world.provider.end(meeting)
    world.meetings.control("webhooks", copies=2, held=0)
    told = world.heard()[1:]
    assert [event.fact for event in told] == [
        *(MeetingFact.LEFT, MeetingFact.LEFT),
        *(MeetingFact.RECORDING_BEGUN, MeetingFact.RECORDING_BEGUN),
        *(MeetingFact.JOINED, MeetingFact.JOINED),
        *(MeetingFact.ENDED, MeetingFact.ENDED),
    ]
    assert len({event.id for event in told}) == 4


def test_a_webhook_that_is_not_taken_comes_again(world: World) -> None:
    """A webhook that we did not take is sent again, until we take it, as the same event."""
    with replaying() as replay:
        receiver = Receiver(replay, world.provider)
        replay.plan(Canned(status=503), Canned(status=500), Canned())
        world.provider.create(replace(world.plan, webhook_url=receiver.url))
        world.meetings.settle()
        assert receiver.facts() == [MeetingFact.STARTED] * 3
        assert len({event.id for event in receiver.events()}) == 1


def test_recordings(world: World) -> None:
    """Recordings come late and in parts, with a video that plays and captions."""
    meeting = world.make()
    world.provider.end(meeting)
    assert world.provider.recordings(meeting) == []
    later = NINE + timedelta(minutes=30)
    world.publish(later, later + timedelta(minutes=10))
    world.publish(NINE, NINE + timedelta(minutes=25), captions=True)
    first, second = world.provider.recordings(meeting)
    assert (first.start, second.start) == (NINE, later)
    assert [each.kind for each in first.files] == [FileKind.VIDEO, FileKind.CAPTIONS]
    assert [each.kind for each in second.files] == [FileKind.VIDEO]
    video, captions = (world.get(each.url) for each in first.files)
    assert video.content[4:8] == b"ftyp"
    assert captions.text.startswith("WEBVTT")
    ready = [each for each in world.heard() if each.fact is MeetingFact.RECORDING_READY]
    assert [each.recording_id for each in ready] == [second.external_id, first.external_id]


def test_recordings_change(world: World) -> None:
    """A recording is replaced, and at last deleted; both are told."""
    meeting = world.make()
    world.publish(NINE, NINE + timedelta(minutes=25))
    (recording,) = world.provider.recordings(meeting)
    world.meetings.replace_video(recording.external_id, b"another")
    assert world.get(recording.files[0].url).content == b"another"
    world.meetings.control("recording/gone", id=recording.external_id, unpublish=True)
    assert world.provider.recordings(meeting) == []
    world.meetings.control("recording/gone", id=recording.external_id)
    assert world.get(recording.files[0].url).status_code == 404
    about = [event for event in world.heard() if event.recording_id == recording.external_id]
    assert [event.fact for event in about] == [
        MeetingFact.RECORDING_READY,
        MeetingFact.RECORDING_READY,
        MeetingFact.RECORDING_GONE,
        MeetingFact.RECORDING_GONE,
    ]


SHORT = Limits(connect=60, read=0.3, total=1, size=100_000)


@pytest.mark.parametrize(
    ("fault", "limits"),
    [
        ("503", PATIENT),
        ("429", PATIENT),
        ("slow", SHORT),
        ("drip", Limits(connect=60, read=60, total=0.5)),
        ("huge", replace(PATIENT, size=100_000)),
        ("bomb", PATIENT),
        ("garbage", PATIENT),
        ("cut", PATIENT),
        ("lost", PATIENT),
    ],
)
def test_faults_pass(world: World, fault: str, limits: Limits) -> None:
    """However a provider fails, it counts as away, and a later call makes the one meeting."""
    hasty = BigBlueButton(world.meetings.url, world.meetings.secret, limits=limits)
    plan = replace(world.plan, webhook_url="")
    world.meetings.control("fault", next=fault)
    with pytest.raises(ProviderAway):
        hasty.create(plan)
    assert wait_until(lambda: not world.meetings.faults_left(), 60)
    meeting = world.provider.create(plan)
    assert world.provider.create(plan) == meeting


@pytest.mark.parametrize("fault", ["404", "loop"])
def test_faults_stay(world: World, fault: str) -> None:
    """A provider that is not there, or leads in a circle, refuses."""
    world.meetings.control("fault", next=fault, times=1)
    with pytest.raises(ProviderRefused):
        world.provider.create(replace(world.plan, webhook_url=""))


def test_what_can_not_be_told(world: World) -> None:
    """The provider tells what is wrong with what it is told to do."""
    with pytest.raises(httpx.HTTPError, match="right would be a status"):
        world.meetings.control("fault", next="fire")
    with pytest.raises(httpx.HTTPError, match="never a meeting 'none'"):
        world.meetings.control("recorder", meeting="none", on=True, at=NINE.isoformat())


@only_deep
def test_it_stops_and_starts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The provider is a part of the local stack: it stops, starts, and keeps its URL and secret."""
    part = Meetings(tmp_path_factory.mktemp("again"))
    part.start()
    try:
        url, secret = part.url, part.secret
        part.stop()
        assert not part.ready()
        part.start()
        assert part.ready()
        assert (part.url, part.secret) == (url, secret)
    finally:
        part.kill()
