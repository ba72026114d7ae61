"""Zoom: developers.zoom.us/docs/api/meetings, with one user of the account as the host.

A meeting asks for registration, so that each learner has an own link and attendance is a person's.
No mail address leaves the platform: a registrant's address is a hash, in a domain of the operator.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from services.sessions.domain.meetings import (
    Attendee,
    JoinLink,
    MeetingPlan,
    ProviderMeeting,
    ProviderRecording,
)
from services.sessions.domain.skew import Reading
from services.sessions.providers import zoom_recordings, zoom_webhooks
from services.sessions.providers.http import clock_reading, is_safe
from services.sessions.providers.port import Delivery, ProviderAway, Received
from services.sessions.providers.values import from_iso, shown
from services.sessions.providers.zoom_client import Unknown, ZoomClient, in_path, objects, words

BATCH = 30
"""How many people one call registers at most (section "Perform batch registration")."""
START_LINK_LASTS = timedelta(hours=2)
"""How long the host's `start_url` works (section "Get a meeting")."""
LONGEST_TOPIC = 200
LONGEST_NAME = 64


class Zoom:
    """One user of an account of Zoom, who is the host of all meetings made here."""

    def __init__(
        self, client: ZoomClient, *, host: str, webhook_secret: str, registrant_domain: str
    ) -> None:
        """`host`: the user's id or mail address. `webhook_secret`: the app's Secret Token.

        `registrant_domain`: a domain of the operator that gets no mail. Nothing is sent there.
        """
        self._client, self._host = client, host
        self._webhook_secret, self._domain = webhook_secret, registrant_domain

    def create(self, plan: MeetingPlan) -> ProviderMeeting:
        """Return the meeting with the session's mark, or make it.

        Zoom has no idempotent creation. A meeting that was made by a call without an answer is
        found by its mark; if Zoom lists it only later than the next call, there are two, and people
        get the links of the one that was stored.
        """
        path = f"/users/{quote(self._host, safe='')}/meetings"
        mark = f"[session {plan.session_id}]"
        found = self._marked(path, mark)
        made = found or self._client.send("POST", path, _creation(plan, mark))
        return _meeting(made)

    def register(
        self, meeting: ProviderMeeting, attendees: Sequence[Attendee]
    ) -> Sequence[JoinLink]:
        """Return each one's link; who has one already is not registered again.

        A host gets the host's start link, which works for two hours after each call.
        """
        hosts = [each for each in attendees if each.is_host]
        others = [each for each in attendees if not each.is_host]
        links = (*self._start_links(meeting, hosts), *self._registered(meeting, others))
        by_person = {each.person_id: each for each in links}
        return [by_person[each.person_id] for each in attendees]

    def join_link(self, _meeting: ProviderMeeting, _attendee: Attendee) -> None:
        """Return None: Zoom makes all links."""

    def end(self, meeting: ProviderMeeting) -> None:
        """End the meeting if it runs."""
        try:
            if self._client.get(f"/meetings/{meeting.external_id}").get("status") == "started":
                path = f"/meetings/{meeting.external_id}/status"
                self._client.send("PUT", path, {"action": "end"})
        except Unknown:
            return

    def recordings(self, meeting: ProviderMeeting) -> Sequence[ProviderRecording]:
        """Return the parts of all times that the meeting was held: it may be started again."""
        found = [
            part
            for uuid in self._instances(meeting)
            for part in self._parts(f"/meetings/{in_path(uuid)}/recordings")
        ]
        return sorted(found, key=lambda each: each.start)

    def fetch_headers(self, url: str) -> Mapping[str, str]:
        """Return the token for a URL of Zoom's."""
        return (
            {"authorization": f"Bearer {self._client.token()}"} if self._client.is_own(url) else {}
        )

    def is_own(self, url: str) -> bool:
        """Return whether a URL is Zoom's."""
        return self._client.is_own(url)

    def read_clock(self, now: Callable[[], datetime]) -> Reading | None:
        """Read the header Date of the API."""
        return clock_reading(self._client.api, now, self._client.limits)

    def read_webhook(self, delivery: Delivery, now: datetime) -> Received:
        """Return what a request of Zoom tells; one that is five minutes old is refused."""
        return zoom_webhooks.read(delivery, self._webhook_secret, now)

    def _marked(self, path: str, mark: str) -> dict[str, Any] | None:
        meetings = self._client.pages(path, "meetings", {"type": "scheduled"})
        return next((each for each in meetings if each.get("agenda") == mark), None)

    def _start_links(
        self, meeting: ProviderMeeting, hosts: Sequence[Attendee]
    ) -> Iterator[JoinLink]:
        if not hosts:
            return
        told = self._client.get(f"/meetings/{meeting.external_id}")
        for each in hosts:
            yield _link(each, told, "start_url", "host_id", START_LINK_LASTS)

    def _registered(
        self, meeting: ProviderMeeting, people: Sequence[Attendee]
    ) -> Iterator[JoinLink]:
        """Zoom registers nobody more than three times a day; so it is asked first who is."""
        if not people:
            return
        path = f"/meetings/{meeting.external_id}"
        addresses = {registrant_address(meeting, each, self._domain): each for each in people}
        listed = self._client.pages(f"{path}/registrants", "registrants", {"status": "approved"})
        for told in listed:
            if person := addresses.pop(words(told, "email"), None):
                yield _link(person, told, "join_url", "id")
        yield from self._newly_registered(f"{path}/batch_registrants", addresses)

    def _newly_registered(self, path: str, addresses: Mapping[str, Attendee]) -> Iterator[JoinLink]:
        missing = list(addresses)
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            body = {
                "auto_approve": True,
                "registrants_confirmation_email": False,
                "registrants": [_registrant(address, addresses[address]) for address in batch],
            }
            told = objects(self._client.send("POST", path, body).get("registrants"))
            by_address = {words(each, "email"): each for each in told}
            for address in batch:
                yield _link(
                    addresses[address], by_address.get(address, {}), "join_url", "registrant_id"
                )

    def _instances(self, meeting: ProviderMeeting) -> list[str]:
        try:
            told = self._client.get(f"/past_meetings/{meeting.external_id}/instances")
        except Unknown:
            return []
        return [words(each, "uuid") for each in objects(told.get("meetings"))]

    def _parts(self, path: str) -> Sequence[ProviderRecording]:
        try:
            return zoom_recordings.parts(self._client.get(path))
        except Unknown:
            return ()


def registrant_address(meeting: ProviderMeeting, person: Attendee, domain: str) -> str:
    """Return a person's address for one meeting: another one in each, so that Zoom can't follow."""
    name = hashlib.sha256(f"{meeting.external_id}:{person.person_id}".encode()).hexdigest()[:32]
    return f"{name}@{domain}"


def _creation(plan: MeetingPlan, mark: str) -> dict[str, object]:
    """Return the body of "Create a meeting"; how many may join depends on the host's licence."""
    return {
        "topic": shown(plan.title, LONGEST_TOPIC),
        "agenda": mark,
        "type": 2,  # a scheduled meeting
        "start_time": f"{plan.start_time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "duration": -(-plan.duration // timedelta(minutes=1)),
        "settings": {
            "approval_type": 0,  # who registers is approved
            "registrants_confirmation_email": False,
            "registrants_email_notification": False,
            "join_before_host": False,
            "waiting_room": False,
            "use_pmi": False,
            "auto_recording": "cloud" if plan.recorded else "none",
        },
    }


def _meeting(told: Mapping[str, Any]) -> ProviderMeeting:
    try:
        number, made_at = int(told["id"]), from_iso(told["created_at"])
    except (ValueError, LookupError, TypeError):
        raise ProviderAway("its meeting has no id or no time") from None
    return ProviderMeeting(external_id=str(number), made_at=made_at)


def _registrant(address: str, person: Attendee) -> dict[str, str]:
    return {"email": address, "first_name": shown(person.name, LONGEST_NAME) or person.person_id}


def _link(
    person: Attendee,
    told: Mapping[str, Any],
    url: str,
    id_: str,
    lasts: timedelta | None = None,
) -> JoinLink:
    """Return the link that an answer has by the names `url` and `id_`. Raises ProviderAway."""
    link = words(told, url)
    if not is_safe(link):
        raise ProviderAway("it made no link for a person")
    return JoinLink(person_id=person.person_id, url=link, external_id=words(told, id_), lasts=lasts)
