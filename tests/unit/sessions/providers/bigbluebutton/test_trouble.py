"""Troubles of BigBlueButton's servers, refusals, and hostile answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.providers import bigbluebutton_answers as answers
from services.sessions.providers.bigbluebutton import BigBlueButton
from services.sessions.providers.http import Answer
from services.sessions.providers.port import ProviderAway, ProviderRefused
from tests.unit.sessions.providers.bigbluebutton.exchanges import CREATED, MEETING, failed
from tests.unit.sessions.providers.plans import PLAN
from tests.unit.sessions.providers.replay import Canned, Replay


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
