"""Chat afterwards: who may read it, and how long it stays."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.message import Message
from tandem.sessions.v1 import live_pb2, sessions_pb2
from tandem.sessions.v1.sessions_pb2_grpc import SessionsServiceStub

from tests.integration.sessions.school import School

HOUR = timedelta(hours=1)


@pytest.fixture
def session_id(school: School) -> str:
    """A class that goes on, with two learners."""
    school.enrol("ada", "bea")
    return school.live(school.room()).id


def say(stub: SessionsServiceStub, session_id: str, text: str) -> live_pb2.ClassEntry:
    """Write in the chat by the RPC."""
    return stub.SendChat(live_pb2.SendChatRequest(session_id=session_id, text=text))


def code_of(call: "grpc.UnaryUnaryMultiCallable", request: Message) -> grpc.StatusCode:
    """The code with which a request is refused."""
    with pytest.raises(grpc.RpcError) as refused:
        call(request)
    code: grpc.StatusCode = refused.value.code()
    return code


def test_chat_is_read_afterwards(school: School, session_id: str) -> None:
    """Learners and staff of the class read its chat in pages, without hands; strangers don't."""
    ada = school.learner("ada")
    for number in range(3):
        say(ada, session_id, f"{number}")
        ada.MoveHand(live_pb2.MoveHandRequest(session_id=session_id, raised=not number % 2))
    school.staff.EndSession(sessions_pb2.EndSessionRequest(session_id=session_id))
    for reader in (school.learner("bea"), school.staff):
        first = reader.ListChat(live_pb2.ListChatRequest(session_id=session_id, page_size=2))
        request = live_pb2.ListChatRequest(session_id=session_id, page_token=first.next_page_token)
        rest = reader.ListChat(request)
        found = [*first.entries, *rest.entries]
        assert [each.chat.text for each in found] == ["0", "1", "2"]
        assert not rest.next_page_token
    stranger = school.learner("eve")
    request = live_pb2.ListChatRequest(session_id=session_id)
    assert code_of(stranger.ListChat, request) is grpc.StatusCode.PERMISSION_DENIED


def test_nobody_writes_after_the_class(school: School, session_id: str) -> None:
    """When the class has ended nothing can be written; a blank text never can."""
    ada = school.learner("ada")
    blank = live_pb2.SendChatRequest(session_id=session_id, text="\u200b \u200b")
    assert code_of(ada.SendChat, blank) is grpc.StatusCode.INVALID_ARGUMENT
    school.staff.EndSession(sessions_pb2.EndSessionRequest(session_id=session_id))
    late = live_pb2.SendChatRequest(session_id=session_id, text="Late")
    assert code_of(ada.SendChat, late) is grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("keep", [True, False])
def test_how_long_chat_stays(school: School, keep: bool) -> None:
    """Chat is marked to leave a day after the class, or stays where the run keeps it; hands
    stay.
    """
    school.open_run("run-2", keep_chat=keep)
    school.enrol("ada", run_id="run-2")
    session_id = school.live(school.room(), run_id="run-2").id
    ada = school.learner("ada")
    say(ada, session_id, "Hello")
    ada.MoveHand(live_pb2.MoveHandRequest(session_id=session_id, raised=True))
    chat, hand = school.database.mongo["class_log"].find().sort("_id")
    assert "removed_at" not in hand
    if keep:
        assert "removed_at" not in chat
    else:
        left = chat["removed_at"] - datetime.now(UTC)
        # The class lasts an hour. This computer's clock goes on meanwhile.
        assert timedelta(hours=24) < left <= timedelta(hours=25)
