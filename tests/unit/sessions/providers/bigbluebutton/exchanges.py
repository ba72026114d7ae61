"""Answers of BigBlueButton's API, by https://docs.bigbluebutton.org/development/api."""

from services.sessions.domain.meetings import ProviderMeeting
from services.sessions.providers.values import from_milliseconds
from tests.unit.sessions.providers.replay import Canned

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


def failed(key: str) -> Canned:
    """Return a failure as section "Error handling" describes it."""
    return Canned(
        f"<response><returncode>FAILED</returncode><messageKey>{key}</messageKey>"
        "<message>why</message></response>"
    )
