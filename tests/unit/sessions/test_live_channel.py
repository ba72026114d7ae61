"""The rules of the live channel: when it is open, who may write, what a text becomes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import FailedPrecondition, Invalid, PermissionDenied
from chassis.texts import is_blank
from services.sessions.domain import live_channel
from services.sessions.domain.enums import SessionState
from services.sessions.domain.live_channel import OPENS_BEFORE, Standing
from tests.unit.sessions.examples import session

MOMENT = timedelta(milliseconds=1)


def test_opens_two_hours_before() -> None:
    """The channel opens two hours before the start, and not a moment earlier."""
    planned = session()
    opens = planned.start_time - OPENS_BEFORE
    assert live_channel.is_open(planned, opens)
    with pytest.raises(FailedPrecondition, match="opens at"):
        live_channel.expect_open(planned, opens - MOMENT)


@pytest.mark.parametrize("state", [SessionState.ENDED, SessionState.CANCELLED])
def test_closed_when_over(state: SessionState) -> None:
    """It is closed when the class has ended, was cancelled, or was not held."""
    over = replace(session(), state=state)
    assert not live_channel.is_open(over, over.start_time)
    missed = replace(session(), not_held_at=session().end_time)
    assert live_channel.is_over(missed)


def test_open_while_live() -> None:
    """A class that began early or goes on late has an open channel."""
    live = replace(session(), state=SessionState.LIVE)
    for at in (live.start_time - timedelta(days=1), live.end_time + timedelta(hours=1)):
        assert live_channel.is_open(live, at)


def test_who_may_write() -> None:
    """Strangers and who was removed may not be there; who is muted may not write."""
    live_channel.expect_may_write(Standing(is_staff=False))
    live_channel.expect_allowed(Standing(is_staff=False, muted=True))
    with pytest.raises(PermissionDenied, match="for others"):
        live_channel.expect_allowed(None)
    with pytest.raises(PermissionDenied, match="removed"):
        live_channel.expect_allowed(Standing(is_staff=False, removed=True))
    with pytest.raises(PermissionDenied, match="muted"):
        live_channel.expect_may_write(Standing(is_staff=False, muted=True))


@given(st.text(max_size=200))
def test_texts_are_one_visible_line(text: str) -> None:
    """A text is refused as blank, or becomes one line without control characters, which a second
    pass does not change.
    """
    try:
        found = live_channel.chat_text(text)
    except Invalid:
        return
    assert not is_blank(found)
    assert not any(ord(sign) < 32 for sign in found)
    assert live_channel.chat_text(found) == found


def test_how_long_chat_stays() -> None:
    """Chat stays until a day after the planned end, or for good where the run keeps it."""
    planned = session()
    assert live_channel.chat_until(planned, keep=False) == planned.planned_end + timedelta(days=1)
    assert live_channel.chat_until(planned, keep=True) is None
