"""Zoom's API, by the examples of its documentation, shortened where a part does not matter.

The sections are of https://developers.zoom.us/docs/api/meetings/; tokens are of
https://developers.zoom.us/docs/internal-apps/s2s-oauth/.
"""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.sessions.domain.meetings import Attendee, JoinLink, ProviderMeeting
from services.sessions.providers.port import MeetingProvider, ProviderAway
from services.sessions.providers.zoom import Zoom, registrant_address
from tests.unit.sessions.providers.plans import ADA, GRACE, PLAN
from tests.unit.sessions.providers.replay import Canned, Replay, Seen
from tests.unit.sessions.providers.zoom.exchanges import (
    CREATED,
    MEETING,
    NO_MEETINGS,
    NOT_FOUND,
    answer,
    token,
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
