"""BigBlueButton's API, by exchanges of its documentation.

The answers are those of https://docs.bigbluebutton.org/development/api, whose sections the tests
name, shortened where a part does not matter.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from services.sessions.domain.meetings import ProviderMeeting
from services.sessions.providers.bigbluebutton import BigBlueButton, checksum
from services.sessions.providers.port import MeetingProvider
from tests.unit.sessions.providers.bigbluebutton.exchanges import CREATED, MEETING, SECRET, failed
from tests.unit.sessions.providers.plans import ADA, GRACE, PLAN
from tests.unit.sessions.providers.replay import Canned, Replay

HOOKED = "<response><returncode>SUCCESS</returncode><hookID>1</hookID></response>"


def test_it_is_a_meeting_provider(provider: BigBlueButton) -> None:
    """The adapter has all that the port asks for."""
    port: MeetingProvider = provider
    assert port.fetch_headers("https://demo.bigbluebutton.org/") == {}


def test_the_checksum_is_the_documented_one() -> None:
    """The checksum of the example in section "Usage" of the API Security Model comes out."""
    query = "name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444"
    expected = "1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17"
    assert checksum("create", query, SECRET, "sha1") == expected


@pytest.mark.parametrize(
    ("algorithm", "digits"), [("sha1", 40), ("sha256", 64), ("sha384", 96), ("sha512", 128)]
)
def test_all_algorithms(algorithm: str, digits: int) -> None:
    """Checksums are made by each algorithm that the section "Configuration" names."""
    made = BigBlueButton("https://bbb.example.edu/bigbluebutton", SECRET, algorithm=algorithm)
    query = parse_qs(urlsplit(made.join_link(MEETING, ADA).url).query)
    assert len(query["checksum"][0]) == digits


def test_what_can_not_be_is_told(provider: BigBlueButton) -> None:
    """An unknown algorithm, and a URL to which the secret must not go, are told."""
    with pytest.raises(ValueError, match="'md5' makes no checksums"):
        BigBlueButton("https://bbb.example.edu/bigbluebutton", SECRET, algorithm="md5")
    with pytest.raises(ValueError, match="begins with https://"):
        BigBlueButton("http://bbb.example.edu/bigbluebutton", SECRET)


def test_create(server: Replay, provider: BigBlueButton) -> None:
    """A meeting is made by section `create`, with the instant that the server answers."""
    server.plan(Canned(CREATED))
    made = provider.create(PLAN)
    assert made == ProviderMeeting(
        external_id=PLAN.session_id, made_at=datetime(2018, 7, 9, 17, 3, 29, 613_000, UTC)
    )
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/bigbluebutton/api/create")
    asked = seen.query
    assert len(asked.pop("attendeePW")) == len(asked.pop("moderatorPW")) == 32
    assert len(asked.pop("checksum")) == 40
    assert asked == {
        "name": "Lecture: lenses",
        "meetingID": "0190a6ad-9f3e",
        "maxParticipants": "30",
        "record": "true",
        "autoStartRecording": "true",
        "allowStartStopRecording": "true",
        "meetingExpireIfNoUserJoinedInMinutes": "110",
        "meetingExpireWhenLastUserLeftInMinutes": "15",
    }


def test_create_repeats_itself(server: Replay, provider: BigBlueButton) -> None:
    """A repeated creation asks the same, passwords too: so it is idempotent (section `create`)."""
    server.plan(Canned(CREATED), Canned(CREATED))
    assert provider.create(PLAN) == provider.create(PLAN)
    assert server.seen[0].target == server.seen[1].target


def test_passwords_differ(server: Replay, provider: BigBlueButton) -> None:
    """Each meeting has other passwords, and learners have others than hosts."""
    server.plan(Canned(CREATED), Canned(CREATED))
    provider.create(PLAN)
    provider.create(replace(PLAN, session_id="another"))
    asked = [seen.query for seen in server.seen]
    words = {each[name] for each in asked for name in ("attendeePW", "moderatorPW")}
    assert len(words) == 4


def test_events_are_asked_for_first(server: Replay, provider: BigBlueButton) -> None:
    """The hook is registered before the meeting exists: for all meetings, with the events that we
    know (https://docs.bigbluebutton.org/development/webhooks, section Hooks/Create).
    """
    server.plan(Canned(HOOKED), Canned(CREATED))
    provider.create(replace(PLAN, webhook_url="https://tandem.example.edu/meetings/1"))
    hook, _ = server.seen
    assert hook.path == "/bigbluebutton/api/hooks/create"
    assert hook.query["callbackURL"] == "https://tandem.example.edu/meetings/1"
    assert "user-joined,user-left" in hook.query["eventID"]
    assert "meetingID" not in hook.query


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("", "__"),
        ("X", "X_"),
        ("a\nb\x00c\x85d", "a b c d"),
        ("Ω" * 65, "Ω" * 64),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0631\u0645 & 100 %",
            "\u0645\u06cc\u200c\u062e\u0648\u0631\u0645 & 100 %",
        ),
    ],
)
def test_names(server: Replay, provider: BigBlueButton, title: str, shown: str) -> None:
    """A name has 2 to 64 characters and no control characters (section "API Data Types")."""
    server.plan(Canned(CREATED))
    provider.create(replace(PLAN, title=title))
    assert server.seen[0].query["name"] == shown


def test_join(provider: BigBlueButton) -> None:
    """A link has the parameters of section `join`, and is made without a call."""
    learner, host = (provider.join_link(MEETING, each) for each in (ADA, GRACE))
    asked = {name: found for name, (found,) in parse_qs(urlsplit(learner.url).query).items()}
    assert urlsplit(learner.url).path == "/bigbluebutton/api/join"
    assert len(asked.pop("checksum")) == 40
    assert asked == {
        "fullName": "Ada Lovelace",
        "meetingID": "test01",
        "role": "VIEWER",
        "userID": "ada",
        "redirect": "true",
        "createTime": "1531155809613",
    }
    assert "role=MODERATOR&userID=grace" in host.url
    assert provider.register(MEETING, [ADA, GRACE]) == [learner, host]


def test_links_differ(provider: BigBlueButton) -> None:
    """No part of a link can be changed: another role, person or meeting has another checksum."""
    people = (ADA, replace(ADA, person_id="eve"), replace(ADA, is_host=True))
    meetings = (MEETING, replace(MEETING, external_id="test02"), replace(MEETING, made_at=None))
    links = [provider.join_link(meeting, each).url for meeting in meetings for each in people]
    assert len({link.partition("checksum=")[2] for link in links}) == len(links)


def test_a_nameless_person(provider: BigBlueButton) -> None:
    """A person without a name is shown by the id, because `fullName` is required."""
    assert "fullName=ada&" in provider.join_link(MEETING, replace(ADA, name="")).url


@pytest.mark.parametrize("key", ["sentEndMeetingRequest", "notFound", "invalidMeetingIdentifier"])
def test_end(server: Replay, provider: BigBlueButton, key: str) -> None:
    """A meeting is ended by section `end`; one that is over counts as ended."""
    done = f"<response><returncode>SUCCESS</returncode><messageKey>{key}</messageKey></response>"
    server.plan(Canned(done) if key == "sentEndMeetingRequest" else failed(key))
    provider.end(MEETING)
    asked = server.seen[0].query
    assert (server.seen[0].path, asked["meetingID"]) == ("/bigbluebutton/api/end", "test01")
    assert len(asked["password"]) == 32


def test_the_clock_is_read(server: Replay, provider: BigBlueButton) -> None:
    """The server's clock is read from the header Date, which has whole seconds."""
    ours = iter([PLAN.start_time, PLAN.start_time + timedelta(seconds=1)])
    server.plan(Canned())
    found = provider.read_clock(lambda: next(ours))
    assert found is not None
    assert found.received - found.sent == found.precision == timedelta(seconds=1)
    assert found.theirs.microsecond == 0
    assert server.seen[0].target == "/bigbluebutton/api"
