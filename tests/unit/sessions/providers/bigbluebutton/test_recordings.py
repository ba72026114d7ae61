"""BigBlueButton's recordings, by https://docs.bigbluebutton.org/development/api."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.meetings import FileKind
from services.sessions.providers import bigbluebutton_answers as answers
from services.sessions.providers.bigbluebutton import BigBlueButton
from services.sessions.providers.port import ProviderAway
from tests.unit.sessions.providers.bigbluebutton.exchanges import MEETING
from tests.unit.sessions.providers.replay import Canned, Replay

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
