"""BigBlueButton's API, by exchanges of its documentation.

The answers are those of https://docs.bigbluebutton.org/development/api, whose sections the tests
name, shortened where a part does not matter.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.meetings import FileKind, ProviderMeeting
from services.sessions.providers import bigbluebutton_answers as answers
from services.sessions.providers.bigbluebutton import BigBlueButton, checksum
from services.sessions.providers.http import Answer
from services.sessions.providers.port import MeetingProvider, ProviderAway, ProviderRefused
from services.sessions.providers.values import from_milliseconds
from tests.unit.sessions.providers.plans import ADA, GRACE, PLAN
from tests.unit.sessions.providers.replay import PATIENT, Canned, Replay

SECRET = "639259d4-9dd8-4b25-bf01-95f9567eaf4b"
MEETING = ProviderMeeting(external_id="test01", made_at=from_milliseconds(1531155809613))

CREATED = """<response>
  <returncode>SUCCESS</returncode>
  <meetingID>Test</meetingID>
  <internalMeetingID>640ab2bae07bedc4c163f679a746f7ab7fb5d1fa-1531155809613</internalMeetingID>
  <parentMeetingID>bbb-none</parentMeetingID>
  <attendeePW>ap</attendeePW>
  <moderatorPW>mp</moderatorPW>
  <createTime>1531155809613</createTime>
  <voiceBridge>70757</voiceBridge>
  <dialNumber>613-555-1234</dialNumber>
  <createDate>Mon Jul 09 17:03:29 UTC 2018</createDate>
  <hasUserJoined>false</hasUserJoined>
  <duration>0</duration>
  <hasBeenForciblyEnded>false</hasBeenForciblyEnded>
  <messageKey>duplicateWarning</messageKey>
  <message>This conference was already in existence and may currently be in progress.</message>
</response>"""
HOOKED = "<response><returncode>SUCCESS</returncode><hookID>1</hookID></response>"
RECORDED = """<response>
   <returncode>SUCCESS</returncode>
   <recordings>
      <recording>
         <recordID>ffbfc4cc24428694e8b53a4e144f414052431693-1530718721124</recordID>
         <meetingID>c637ba21adcd0191f48f5c4bf23fab0f96ed5c18</meetingID>
         <name>Fred's Room</name>
         <published>true</published>
         <state>published</state>
         <startTime>1530718721124</startTime>
         <endTime>1530718810456</endTime>
         <playback>
            <format>
               <type>podcast</type>
               <url>https://demo.bigbluebutton.org/podcast/ffbf-1530718721124/audio.ogg</url>
               <length>0</length>
            </format>
            <format>
               <type>presentation</type>
               <url>https://demo.bigbluebutton.org/playback/presentation/2.0/playback.html?meetingId=ffbf-1530718721124</url>
               <length>0</length>
            </format>
            <format>
               <type>video</type>
               <url>https://demo.bigbluebutton.org/playback/video/ffbf-1530718721124/</url>
               <length>1</length>
            </format>
         </playback>
      </recording>
      <recording>
         <recordID>ffbfc4cc24428694e8b53a4e144f414052431693-1530278898111</recordID>
         <meetingID>c637ba21adcd0191f48f5c4bf23fab0f96ed5c18</meetingID>
         <published>true</published>
         <startTime>1530278898111</startTime>
         <endTime>1530281194326</endTime>
         <playback/>
      </recording>
      <recording>
         <recordID>ffbfc4cc24428694e8b53a4e144f414052431693-1530000000000</recordID>
         <published>false</published>
         <state>unpublished</state>
      </recording>
   </recordings>
</response>"""
TRACKS = """{
  "response": {
    "returncode": "SUCCESS",
    "tracks": [
      {
        "href": "https://captions.example.com/textTrack/0ab3/183f-1554230749920/subtitles_en-US.vtt",
        "kind": "subtitles",
        "label": "English",
        "lang": "en-US",
        "source": "upload"
      },
      {
        "href": "https://captions.example.com/textTrack/95b6/183f-1554230749920/subtitles_pt-BR.vtt",
        "kind": "subtitles",
        "label": "Brazil",
        "lang": "pt-BR",
        "source": "upload"
      }
    ]
  }
}"""
NO_TRACKS = '{"response": {"returncode": "FAILED", "messageKey": "noRecordings"}}'


def failed(key: str) -> Canned:
    """Return a failure as section "Error handling" describes it."""
    return Canned(
        f"<response><returncode>FAILED</returncode><messageKey>{key}</messageKey>"
        "<message>why</message></response>"
    )


@pytest.fixture
def provider(server: Replay) -> BigBlueButton:
    return BigBlueButton(f"{server.url}/bigbluebutton/", SECRET, algorithm="sha1", limits=PATIENT)


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


def test_recordings(server: Replay, provider: BigBlueButton) -> None:
    """Published recordings come by their start, with what can be fetched as a file, and captions
    (sections getRecordings and getRecordingTextTracks).
    """
    server.plan(Canned(RECORDED), Canned(TRACKS), Canned(NO_TRACKS))
    first, second = provider.recordings(MEETING)
    assert [each.query.get("recordID") for each in server.seen[1:]] == [
        "ffbfc4cc24428694e8b53a4e144f414052431693-1530718721124",
        "ffbfc4cc24428694e8b53a4e144f414052431693-1530278898111",
    ]
    assert first.files == ()
    assert second.end - second.start == timedelta(milliseconds=89_332)
    assert [(each.kind, each.media_type, each.language) for each in second.files] == [
        (FileKind.AUDIO, "audio/ogg", ""),
        (FileKind.VIDEO, "video/mp4", ""),
        (FileKind.CAPTIONS, "text/vtt", "en-US"),
        (FileKind.CAPTIONS, "text/vtt", "pt-BR"),
    ]
    assert second.files[1].url.endswith("/playback/video/ffbf-1530718721124/video-0.m4v")


def test_no_recordings(server: Replay, provider: BigBlueButton) -> None:
    """A meeting without recordings has none."""
    server.plan(
        Canned(
            "<response><returncode>SUCCESS</returncode><recordings/>"
            "<messageKey>noRecordings</messageKey></response>"
        )
    )
    assert provider.recordings(MEETING) == []


def test_files_of_strangers_are_left_out(server: Replay, provider: BigBlueButton) -> None:
    """A recording's file whose URL is not of HTTPS is left out."""
    unsafe = RECORDED.replace("https://", "http://")
    tracks = TRACKS.replace("https://", "file://")
    server.plan(Canned(unsafe), Canned(tracks), Canned(tracks))
    assert [each.files for each in provider.recordings(MEETING)] == [(), ()]


def test_the_clock_is_read(server: Replay, provider: BigBlueButton) -> None:
    """The server's clock is read from the header Date, which has whole seconds."""
    ours = iter([PLAN.start_time, PLAN.start_time + timedelta(seconds=1)])
    server.plan(Canned())
    found = provider.read_clock(lambda: next(ours))
    assert found is not None
    assert found.received - found.sent == found.precision == timedelta(seconds=1)
    assert found.theirs.microsecond == 0
    assert server.seen[0].target == "/bigbluebutton/api"


@pytest.mark.parametrize("key", ["createHookError", "internalError"])
def test_troubles_of_the_server(server: Replay, provider: BigBlueButton, key: str) -> None:
    """A failure of the server itself counts as away: the same call may succeed later."""
    server.plan(failed(key))
    with pytest.raises(ProviderAway, match=f"{key}: why"):
        provider.create(PLAN)


@pytest.mark.parametrize("key", ["checksumError", "idNotUnique", "validationError"])
def test_refusals(server: Replay, provider: BigBlueButton, key: str) -> None:
    """Any other failure is a refusal, with the server's words."""
    server.plan(failed(key))
    with pytest.raises(ProviderRefused, match=f"{key}: why"):
        provider.create(PLAN)


BOMB = '<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><response>&b;</response>'
OUTSIDE = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><response>&a;</response>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Log in</title>",
        b"<response><returncode>SUCCESS",
        b"<response/>",
        b"\xff\xfe<response/>",
        BOMB.encode(),
        OUTSIDE.encode(),
        b'<?xml version="1.0" encoding="no-such-thing"?><response/>',
        b"<a>" * 100_000,
        CREATED.replace("1531155809613</c", "soon</c").encode(),
        CREATED.replace("1531155809613</c", "9" * 30 + "</c").encode(),
        CREATED.replace("1531155809613</c", "9" * 5_000 + "</c").encode(),
        json.dumps({"returncode": "SUCCESS"}).encode(),
    ],
)
def test_hostile_answers(server: Replay, provider: BigBlueButton, body: bytes) -> None:
    """An answer that is not the XML of BigBlueButton counts as away, whatever it is."""
    server.plan(Canned(body))
    with pytest.raises(ProviderAway):
        provider.create(PLAN)


def test_another_encoding(server: Replay, provider: BigBlueButton) -> None:
    """XML in another encoding is understood, if it says which."""
    told = '<?xml version="1.0" encoding="utf-16"?>' + CREATED
    server.plan(Canned(told.encode("utf-16")))
    assert provider.create(PLAN).made_at == MEETING.made_at


_PIECES = (b"<response>", b"</response>", b"<tracks>", b"SUCCESS", b"&lt;", b"&#0;", b"\xff", b"{")


@given(st.binary(max_size=50) | st.lists(st.sampled_from(_PIECES), max_size=6).map(b"".join))
def test_any_answer(body: bytes) -> None:
    """Whatever the server answers, it is understood, or the server counts as away or refuses."""
    answer = Answer(200, {}, body)
    for read in (lambda: answers.read(answer), lambda: answers.text_tracks(body)):
        try:
            read()
        except (ProviderAway, ProviderRefused):
            continue


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["response", "tracks", "href", "lang"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(_JSON)
def test_any_captions(told: object) -> None:
    """Whatever JSON the server answers about captions, it is understood, or it counts as away."""
    try:
        answers.text_tracks(json.dumps(told).encode())
    except ProviderAway:
        return
