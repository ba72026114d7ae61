"""A failure of one of several works stops the others only if all would fail."""

import pytest
from pymongo.errors import AutoReconnect

from services.sessions import alone
from services.sessions.alone import fails_alone


def test_a_failure_is_logged_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the block goes on, and the log tells what failed, and of what."""
    told: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(
        alone.log, "exception", lambda event, **about: told.append((event, about)), raising=False
    )
    for session_id in ("monday", "tuesday"):
        with fails_alone("a class can't be settled", session_id=session_id):
            if session_id == "monday":
                raise ValueError("no such room")
    assert told == [("a class can't be settled", {"session_id": "monday"})]


def test_an_outage_is_raised() -> None:
    """Without the database each of the others would fail, too."""
    with pytest.raises(AutoReconnect), fails_alone("a class can't be settled"):
        raise AutoReconnect("connection closed")
