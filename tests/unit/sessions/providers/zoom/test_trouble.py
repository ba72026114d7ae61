"""Tokens of Zoom that end, refusals, and hostile answers."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from services.sessions.providers.port import ProviderAway, ProviderRefused
from services.sessions.providers.zoom import Zoom
from services.sessions.providers.zoom_client import Credentials
from tests.unit.sessions.providers.plans import ADA, GRACE, PLAN
from tests.unit.sessions.providers.replay import Canned, Replay
from tests.unit.sessions.providers.zoom.exchanges import (
    CREATED,
    MEETING,
    NO_MEETINGS,
    NOT_FOUND,
    Clock,
    answer,
    token,
)


def test_a_token_is_kept(server: Replay, provider: Zoom, clock: Clock) -> None:
    """A token is used until a minute before its end."""
    server.plan(token("first"), NOT_FOUND, NOT_FOUND, token("second"), NOT_FOUND)
    provider.end(MEETING)
    clock.seconds = 3_539
    provider.end(MEETING)
    clock.seconds = 3_540
    provider.end(MEETING)
    used = [seen.headers["authorization"] for seen in server.seen if seen.method == "GET"]
    assert used == ["Bearer first", "Bearer first", "Bearer second"]


def test_a_revoked_token_is_renewed_once(server: Replay, provider: Zoom) -> None:
    """A call that the token does not allow is repeated with a new one, and then refused (4700)."""
    invalid = answer({"code": 124, "message": "Invalid access token."}, 401)
    server.plan(token("first"), invalid, token("second"), answer(CREATED))
    provider.end(MEETING)
    assert server.seen[-1].headers["authorization"] == "Bearer second"
    server.plan(invalid, token("third"), invalid)
    with pytest.raises(ProviderRefused, match="124 Invalid access token"):
        provider.end(MEETING)
    assert server.is_done


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"access_token": "t"},
        {"access_token": "t", "expires_in": "3600"},
        {"access_token": 7, "expires_in": 3600},
        [],
    ],
)
def test_an_answer_without_a_token(server: Replay, provider: Zoom, told: object) -> None:
    """An answer that has no token counts as away."""
    server.plan(answer(told))
    with pytest.raises(ProviderAway):
        provider.end(MEETING)


def test_wrong_credentials(server: Replay, provider: Zoom) -> None:
    """Wrong credentials are refused, with Zoom's reason."""
    told = {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
    server.plan(answer(told, 401))
    with pytest.raises(ProviderRefused, match="Invalid client_id or client_secret"):
        provider.end(MEETING)


def test_too_many_calls(server: Replay, provider: Zoom) -> None:
    """A rate limit counts as away until the time that it names
    (https://developers.zoom.us/docs/api/rate-limits/: an instant by ISO 8601).
    """
    limit = answer(
        {"code": 429, "message": "You have exceeded the daily rate limit (100)"},
        429,
        **{"retry-after": "2099-01-01T00:00:00Z"},
    )
    server.plan(token(), NO_MEETINGS, limit)
    with pytest.raises(ProviderAway, match="daily rate limit") as told:
        provider.create(PLAN)
    assert told.value.retry_after > 86_400


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_refusals(server: Replay, provider: Zoom, status: int) -> None:
    """What Zoom refuses is refused, with its code and words (docs/api/errors)."""
    server.plan(token(), answer({"code": 300, "message": "Validation Failed."}, status))
    with pytest.raises(ProviderRefused, match=r"300 Validation Failed\."):
        provider.create(PLAN)


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"<html>",
    b"[" * 100_000,
    b'{"meetings": [1]}',
    b'{"meetings": {"a": 1}, "next_page_token": {"b": 2}}',
    b"\xff\xfe",
    b'{"meetings": [{"agenda": "[session 0190a6ad-9f3e]"}]}',
    b'{"meetings": [{"agenda": "[session 0190a6ad-9f3e]", "id": 1, "created_at": 7}]}',
    b'{"registrants": [{"email": []}]}',
    b'{"meetings": [{"uuid": "a"}], "recording_files": [{"file_type": [], "status": 1}]}',
    b'{"meetings": [{"uuid": "a"}], "recording_files": [{"file_type": "MP4", "status": 1}]}',
    b'{"uuid": 1, "recording_files": [{"file_type": "MP4", "status": "completed"}]}',
]
ACTS: dict[str, Callable[[Zoom], object]] = {
    "create": lambda provider: provider.create(PLAN),
    "register": lambda provider: provider.register(MEETING, [ADA, GRACE]),
    "end": lambda provider: provider.end(MEETING),
    "recordings": lambda provider: provider.recordings(MEETING),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("content", HOSTILE)
def test_hostile_answers(server: Replay, provider: Zoom, content: bytes, act: str) -> None:
    """Whatever JSON or other bytes Zoom answers, it counts as away, or as nothing."""
    server.plan(token(), *(Canned(content) for _ in range(5)))
    with suppress(ProviderAway):
        assert not ACTS[act](provider)


def test_credentials_are_not_shown() -> None:
    """The secret does not appear where somebody prints the credentials."""
    assert "hidden" not in repr(Credentials("account", "client", "hidden"))
