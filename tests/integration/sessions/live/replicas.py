"""Replicas of the role `live` on real servers, and members that talk to them."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import Message
from tandem.sessions.v1 import live_pb2, live_pb2_grpc

from chassis.data.store import Database, connect
from chassis.testing import AUDIENCE, ISSUER, Issuer
from services.sessions.live.server import Announcer, Live
from services.sessions.settings import Settings
from tests.integration.processes import PATIENCE
from tests.integration.sessions.school import School

Response = live_pb2.AttendResponse
Request = live_pb2.AttendRequest
Entry = live_pb2.ClassEntry
M = TypeVar("M", bound=Message)


class Replica:
    """A replica in this process, on a thread and an event loop of its own."""

    def __init__(self, settings: Settings, school: School) -> None:
        announcer = Announcer()
        self._client: Any = connect(settings.mongo_url, "tests")
        name, clock = school.database.mongo.name, school.database.clock
        self.database = Database(self._client, name, announcer.store, clock)
        self._settings, self._announcer = settings, announcer
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._started.wait(PATIENCE)

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self.live = Live(self._settings, self.database, self._announcer)
        await self.live.start()
        self.port, self.http_port = self.live.port, self.live.http_port
        self._started.set()
        await self._stopping.wait()
        await self.live.drain()

    def do(self, act: Callable[[], Any]) -> Any:
        """What `act` returns on the replica's loop."""

        async def call() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(PATIENCE)

    def stop(self) -> None:
        """Drain it."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive()
            self._client.close()


class Member:
    """A member's stream by gRPC. A thread receives what comes."""

    def __init__(self, port: int, token: str, session_id: str, after: int = 0) -> None:
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self.received: list[Response] = []
        self.error: grpc.RpcError | None = None
        self.over = False
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self.send(Request(join=live_pb2.JoinRequest(session_id=session_id, after=after)))
        requests = iter(self._requests.get, None)
        stub = live_pb2_grpc.LiveServiceStub(self._channel)
        self._call = stub.Attend(requests, metadata=(("authorization", f"Bearer {token}"),))
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        try:
            for response in self._call:
                with self._changed:
                    self.received.append(response)
                    self._changed.notify_all()
        except grpc.RpcError as error:
            self.error = error
        with self._changed:
            self.over = True
            self._changed.notify_all()

    def send(self, request: Request) -> None:
        """Send a message."""
        self._requests.put(request)

    def chat(self, text: str, request_id: str = "") -> None:
        """Write in the chat."""
        said = live_pb2.SendChatRequest(text=text)
        self.send(Request(request_id=request_id or text, send_chat=said))

    def hand(self, raised: bool, request_id: str = "hand") -> None:
        """Move the hand."""
        self.send(Request(request_id=request_id, move_hand=live_pb2.MoveHandRequest(raised=raised)))

    def ask(self, request_id: str, **what: Any) -> Response:
        """Send a command; return its answer, `done` or `refused`."""
        self.send(Request(request_id=request_id, **what))
        return cast(Response, self.wait(lambda it: it.answer(request_id), request_id))

    def do(self, request_id: str, answer: M, **what: Any) -> M:
        """Send a command that is done; return its answer."""
        response = self.ask(request_id, **what)
        assert response.done.answer.Unpack(answer), response
        return answer

    def answer(self, request_id: str) -> Response | None:
        """What answers a command; None so far."""
        answers = (
            e for e in self.received if request_id in (e.done.request_id, e.refused.request_id)
        )
        return next(answers, None)

    def all(self, what: str) -> list[Any]:
        """What was received of one kind, in order."""
        with self._changed:
            return [getattr(each, what) for each in self.received if each.HasField(what)]  # type: ignore[arg-type]

    def wait(self, holds: Callable[["Member"], Any], what: str = "") -> Any:
        """What `holds` returns once it is true."""
        with self._changed:
            held = self._changed.wait_for(lambda: self.over or holds(self), PATIENCE)
        found = holds(self)
        assert held, f"it never came to hold: {what}; {self.received[-3:]}"
        assert found, f"the stream is over: {self.error}; {self.received[-3:]}"
        return found

    def wait_until(self, holds: Callable[["Member"], bool]) -> None:
        """Wait until something holds, also if the stream is over then."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self), PATIENCE)

    def joined(self) -> "Member":
        """Wait until it has joined."""
        self.wait(lambda it: it.all("joined"), "joined")
        return self

    def texts(self) -> list[str]:
        """The chat that was received."""
        return [each.chat.text for each in self.all("entry") if each.HasField("chat")]

    def numbers(self) -> list[int]:
        """The numbers of the entries that were received."""
        return [each.number for each in self.all("entry")]

    def wait_over(self) -> grpc.RpcError | None:
        """Wait until the stream is over; return its error."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.over, PATIENCE)
        return self.error

    def leave(self) -> None:
        """End the stream."""
        self._requests.put(None)
        self._call.cancel()
        self._channel.close()


@dataclass
class LiveSchool:
    """A school with a class that goes on, replicas and members."""

    school: School
    session_id: str
    issuer: Issuer
    settings: Callable[..., Settings]
    stack: ExitStack

    def replica(self, **more: Any) -> Replica:
        """One more replica."""
        found = Replica(self.settings(**more), self.school)
        self.stack.callback(found.stop)
        return found

    def token(self, person_id: str, *roles: str, **more: Any) -> str:
        """A token of a person."""
        return self.issuer.token(person_id, roles or ("learner",), **more)

    def member(
        self, replica: Any, person_id: str, *roles: str, after: int = 0, session_id: str = ""
    ) -> Member:
        """A member of the class on a replica."""
        token = self.token(person_id, *roles)
        found = Member(replica.port, token, session_id or self.session_id, after)
        self.stack.callback(found.leave)
        return found


@contextmanager
def live_school(
    school: School, learners: Sequence[str], amqp_url: str, mongo_url: str, folder: Path
) -> Iterator[LiveSchool]:
    """A class that has started, with these learners."""
    school.enrol(*learners)
    session = school.live(school.room(capacity=100))
    issuer = Issuer()
    jwks = issuer.write_jwks(folder / "jwks.json")

    def settings(**more: Any) -> Settings:
        fields: dict[str, Any] = {
            "environment": "development",
            "mongo_url": mongo_url,
            "amqp_url": amqp_url,
            "jwks_url": jwks,
            "token_issuer": ISSUER,
            "token_audience": AUDIENCE,
            "library_target": "127.0.0.1:1",
            **more,
        }
        return Settings(**fields)

    with ExitStack() as stack:
        yield LiveSchool(school, session.id, issuer, settings, stack)
