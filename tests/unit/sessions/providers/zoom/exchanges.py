"""Answers of Zoom's API, by the examples of its documentation."""

import json

from services.sessions.domain.meetings import ProviderMeeting
from tests.unit.sessions.providers.replay import Canned

MEETING = ProviderMeeting(external_id="95204914252")


def answer(told: object, status: int = 200, **headers: str) -> Canned:
    """Return an answer in JSON."""
    return Canned(json.dumps(told), status, {"content-type": "application/json", **headers})


def token(name: str = "first", lasts: object = 3_600) -> Canned:
    """Return the answer of section "Generate access token"."""
    scope = "meeting:write:admin"
    return answer(
        {"access_token": name, "token_type": "bearer", "expires_in": lasts, "scope": scope}
    )


NO_MEETINGS = answer({"page_size": 300, "next_page_token": "", "meetings": []})
CREATED = {
    "uuid": "aDYlohsHRtCd4ii1uC2+hA==",
    "id": 95204914252,
    "host_id": "30R7kT7bTIKSNUFEuH_Qlg",
    "topic": "My Meeting",
    "type": 2,
    "status": "waiting",
    "start_time": "2019-08-30T22:00:00Z",
    "created_at": "2019-08-30T21:58:12Z",
    "start_url": "https://zoom.us/s/95204914252?zak=eyJ0eXAiOiJKV1QifQ",
    "join_url": "https://zoom.us/j/95204914252",
    "agenda": "[session 0190a6ad-9f3e]",
}
NOT_FOUND = answer({"code": 3001, "message": "Meeting does not exist: 95204914252."}, 404)


class Clock:
    """A monotonic clock that tests set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds
