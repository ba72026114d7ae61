"""BigBlueButton, from version 2.5: docs.bigbluebutton.org/development/api and .../webhooks.

Every call is a GET whose query is signed with the secret that we share with the server. So is a
link: it is made here, without a call. Users are known to the server by our ids of persons.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from services.sessions.domain.meetings import (
    Attendee,
    JoinLink,
    MeetingPlan,
    ProviderMeeting,
    ProviderRecording,
    RecordedFile,
)
from services.sessions.domain.skew import Reading
from services.sessions.providers import bigbluebutton_answers as answers
from services.sessions.providers import bigbluebutton_webhooks as webhooks
from services.sessions.providers.http import (
    Answer,
    Limits,
    call,
    clock_reading,
    is_safe,
    require_safe,
    require_success,
)
from services.sessions.providers.port import Delivery, ProviderRefused, Received
from services.sessions.providers.values import shown, to_milliseconds

ALGORITHMS = frozenset({"sha1", "sha256", "sha384", "sha512"})
"""What `supportedChecksumAlgorithms` of bbb-web may name (API Security Model, Configuration)."""
LONGEST_NAME = 64
"""Characters of a meeting's name ("Updated in 2.4"); people's names are cut alike."""
OPEN_AHEAD = timedelta(hours=1)
"""How long before its start a meeting may be made; the server keeps it empty for so long."""
LEFT_ALONE = timedelta(minutes=15)
"""How long a meeting goes on after the last person left: a break, or a network that is away."""


class BigBlueButton:
    """One server of BigBlueButton, or a Scalelite in front of several."""

    def __init__(
        self, url: str, secret: str, *, algorithm: str = "sha256", limits: Limits | None = None
    ) -> None:
        """`url` and `secret` are what `bbb-conf --secret` shows; `algorithm` makes checksums.

        Raises ValueError for a URL that is not of HTTPS, and for an unknown algorithm.
        """
        if algorithm not in ALGORITHMS:
            raise ValueError(
                f"{algorithm!r} makes no checksums of BigBlueButton; "
                f"right would be one of {', '.join(sorted(ALGORITHMS))}"
            )
        self._api = require_safe(url).rstrip("/") + "/api"
        self._secret, self._algorithm, self._limits = secret, algorithm, limits or Limits()

    def create(self, plan: MeetingPlan) -> ProviderMeeting:
        """Make the meeting, and see that the server tells us what happens in it.

        `create` may be repeated with the same passwords (section `create`); so they follow from the
        id. The hook comes first, because nothing of a meeting is told without it.
        """
        if plan.webhook_url:
            self._register_hook(plan.webhook_url)
        made = self._ask("create", _creation(plan, self._passwords(plan.session_id)))
        return ProviderMeeting(external_id=plan.session_id, made_at=answers.made_at(made))

    def register(
        self, meeting: ProviderMeeting, attendees: Sequence[Attendee]
    ) -> Sequence[JoinLink]:
        """Return each one's link, without a call."""
        return [self.join_link(meeting, each) for each in attendees]

    def join_link(self, meeting: ProviderMeeting, attendee: Attendee) -> JoinLink:
        """Return a person's link: signed, and good for this meeting only (`createTime`)."""
        who = {
            "fullName": _named(attendee.name or attendee.person_id),
            "meetingID": meeting.external_id,
            "role": "MODERATOR" if attendee.is_host else "VIEWER",
            "userID": attendee.person_id,
            "redirect": "true",
        }
        if meeting.made_at:
            who["createTime"] = str(to_milliseconds(meeting.made_at))
        return JoinLink(person_id=attendee.person_id, url=self._url("join", who))

    def end(self, meeting: ProviderMeeting) -> None:
        """End the meeting. Servers before 3.0 want the moderators' password."""
        password = self._passwords(meeting.external_id)["moderatorPW"]
        answer = self._get("end", {"meetingID": meeting.external_id, "password": password})
        answers.read(answer, fine=answers.UNKNOWN_MEETING)

    def recordings(self, meeting: ProviderMeeting) -> Sequence[ProviderRecording]:
        """Return the published recordings; the server has to make the format `video`.

        Its formats `presentation` and so on are pages, which nobody can fetch as a file.
        """
        asked = self._ask("getRecordings", {"meetingID": meeting.external_id})
        return answers.recordings(asked, self._captions)

    def fetch_headers(self, _url: str) -> Mapping[str, str]:
        """Return none: recordings are fetched by their URLs alone."""
        return {}

    def is_own(self, url: str) -> bool:
        """Return whether a URL has the scheme, host and port of the API."""
        return is_safe(url) and urlsplit(url)[:2] == urlsplit(self._api)[:2]

    def read_clock(self, now: Callable[[], datetime]) -> Reading | None:
        """Read the header Date, which the web server of the same machine makes."""
        return clock_reading(self._api, now, self._limits)

    def read_webhook(self, delivery: Delivery, _now: datetime) -> Received:
        """Return what a callback of bbb-webhooks tells.

        It may be as old as the server's last try, hours, so no instant is too old.
        """
        return Received(webhooks.read(delivery, self._secret))

    def _register_hook(self, url: str) -> None:
        """Have all events of all meetings told to one URL.

        A hook of a certain meeting would need a URL of its own, and would stay for ever (section
        Hooks/Create). The server forgets a hook that failed for five minutes, so each creation of a
        meeting registers it again.
        """
        self._ask("hooks/create", {"callbackURL": url, "eventID": ",".join(webhooks.FACTS)})

    def _captions(self, recording_id: str) -> Sequence[RecordedFile]:
        """Return the captions of a recording; a server that refuses to tell has none."""
        answer = self._get("getRecordingTextTracks", {"recordID": recording_id})
        try:
            require_success(answer)
        except ProviderRefused:
            return ()
        return answers.text_tracks(answer.body)

    def _ask(self, name: str, parameters: Mapping[str, str]) -> answers.Element:
        return answers.read(self._get(name, parameters))

    def _get(self, name: str, parameters: Mapping[str, str]) -> Answer:
        return call("GET", self._url(name, parameters), limits=self._limits)

    def _url(self, name: str, parameters: Mapping[str, str]) -> str:
        query = urlencode(parameters)
        signature = checksum(name, query, self._secret, self._algorithm)
        return f"{self._api}/{name}?{query}&checksum={signature}"

    def _passwords(self, meeting_id: str) -> dict[str, str]:
        return {
            name: hmac.new(self._secret.encode(), f"{name}:{meeting_id}".encode(), "sha256")
            .hexdigest()[:32]
            for name in ("attendeePW", "moderatorPW")
        }  # fmt: skip


def checksum(call_name: str, query: str, secret: str, algorithm: str) -> str:
    """Return the checksum of a call (API Security Model, section Usage)."""
    return hashlib.new(algorithm, f"{call_name}{query}{secret}".encode()).hexdigest()


def _creation(plan: MeetingPlan, passwords: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of `create`.

    A meeting has no `duration`, which would end a class that takes longer. It is recorded from the
    first person on, because a meeting in which nobody pressed the button has no recording.
    """
    recorded = str(plan.recorded).lower()
    return {
        "name": _named(plan.title),
        "meetingID": plan.session_id,
        **passwords,
        "maxParticipants": str(plan.most_participants),
        "record": recorded,
        "autoStartRecording": recorded,
        "allowStartStopRecording": "true",
        "meetingExpireIfNoUserJoinedInMinutes": _minutes(OPEN_AHEAD + plan.duration),
        "meetingExpireWhenLastUserLeftInMinutes": _minutes(LEFT_ALONE),
    }


def _minutes(duration: timedelta) -> str:
    return str(-(-duration // timedelta(minutes=1)))


def _named(text: str) -> str:
    """Return a name as the server takes it: 2 to 64 characters ("Updated in 2.4")."""
    return f"{shown(text, LONGEST_NAME):_<2}"
