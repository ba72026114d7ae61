"""What the demo and tests tell the provider to do: `/control/...`, in JSON, without a signature.

Instants are of the world's clock; the provider tells them by its own, which may go wrong.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from campus.meetings.api import Api
from campus.meetings.faults import Faults
from campus.meetings.rooms import Recording, Room, Rooms, person_event, recording_event
from campus.meetings.timing import Timing
from campus.meetings.webhooks import Hooks

CAPTIONS = "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\nWelcome to the class.\n"
Asked = Mapping[str, Any]


class Control:
    """The provider's other side."""

    def __init__(
        self, api: Api, rooms: Rooms, hooks: Hooks, faults: Faults, timing: Timing
    ) -> None:
        self._api, self._rooms, self._hooks = api, rooms, hooks
        self._faults, self._timing = faults, timing

    def routes(self) -> list[Route]:
        """Return the paths."""
        acts: dict[str, Callable[[Asked], None]] = {
            "fault": self.plan_faults,
            "fault/end": lambda _: self._faults.end(),
            "clock": self.set_clock,
            "webhooks": self.set_webhooks,
            "visit": self.visit,
            "recorder": self.set_recorder,
            "recording": self.publish,
            "recording/gone": self.withdraw,
        }
        return [
            *(
                Route(f"/control/{name}", _post(act), methods=["POST"])
                for name, act in acts.items()
            ),
            Route("/control/recording/{id}/video", self.replace, methods=["PUT"]),
            Route("/control/settled", self.settled),
            Route("/control/faults", self.faults_left),
            Route("/control/made", self.made),
        ]

    def plan_faults(self, asked: Asked) -> None:
        """Let the next calls fail: `{"next": "503", "times": 2}`; see campus/meetings/faults.py.

        `{"path": "/playback"}`: only those of recordings' files.
        """
        times, path = int(asked.get("times", 1)), str(asked.get("path", "/"))
        self._faults.plan(str(asked["next"]), times, path)

    def set_clock(self, asked: Asked) -> None:
        """Let the provider's clock be some seconds ahead: `{"ahead": -3.5}`."""
        self._timing.ahead = timedelta(seconds=float(asked["ahead"]))

    def set_webhooks(self, asked: Asked) -> None:
        """Send each event `copies` times, and `held` events at a time, backwards.

        `{"forget": true}` removes all hooks before.
        """
        if asked.get("forget"):
            self._hooks.forget()
        self._hooks.copies = int(asked.get("copies", 1))
        self._hooks.held = int(asked.get("held", 0))
        self._hooks.flush()

    def visit(self, asked: Asked) -> None:
        """Let `user` join `meeting` at `joined_at`, or leave it at `left_at`, or both."""
        room = self._room(asked)
        if "joined_at" in asked:
            name = asked.get("name", asked["user"])
            self._api.enter(room, asked["user"], name, "VIEWER", self._at(asked, "joined_at"))
        if "left_at" in asked:
            for person in self._rooms.leave(room, asked["user"]):
                left = person_event("user-left", room, person, self._at(asked, "left_at"))
                self._hooks.tell(left)

    def set_recorder(self, asked: Asked) -> None:
        """Start or pause the recorder of `meeting`: `{"on": true, "at": ...}`."""
        self._api.record(self._room(asked), bool(asked["on"]), self._at(asked, "at"))

    def publish(self, asked: Asked) -> None:
        """Publish a recording of `meeting` from `start` to `end`: one part of several, perhaps.

        A second call with the same start publishes it again.
        """
        room, start = self._room(asked), self._at(asked, "start")
        recording = Recording(
            id=f"{room.internal_id.split('-')[0]}-{start}",
            external_id=room.external_id,
            name=room.parameters.get("name", ""),
            start=start,
            end=self._at(asked, "end"),
            captions=CAPTIONS if asked.get("captions") else "",
        )
        self._rooms.recordings[recording.id] = recording
        self._tell(recording, "rap-publish-ended")

    def withdraw(self, asked: Asked) -> None:
        """Delete the recording `id`, or only take it from the public: `{"unpublish": true}`."""
        recording = self._rooms.recordings[asked["id"]]
        recording.is_published = False
        if asked.get("unpublish"):
            self._tell(recording, "rap-unpublished")
            return
        del self._rooms.recordings[recording.id]
        self._tell(recording, "rap-deleted")

    async def replace(self, request: Request) -> Response:
        """Replace the video of a recording by the request's body."""
        recording = self._rooms.recordings[request.path_params["id"]]
        recording.video = await request.body()
        recording.versions += 1
        self._tell(recording, "rap-publish-ended")
        return JSONResponse({})

    async def settled(self, _: Request) -> Response:
        """Answer when all events were sent and taken."""
        await self._hooks.settled()
        return JSONResponse({})

    async def faults_left(self, _: Request) -> Response:
        """Answer how many of the planned faults have not happened yet."""
        return JSONResponse({"left": self._faults.left})

    async def made(self, _: Request) -> Response:
        """Answer how many meetings were made, repeats not counted."""
        return JSONResponse({"made": self._rooms.made})

    def _tell(self, recording: Recording, kind: str) -> None:
        self._hooks.tell(recording_event(kind, recording, self._timing.now()))

    def _room(self, asked: Asked) -> Room:
        room = self._rooms.last(asked["meeting"])
        if room is None:
            raise ValueError(f"there was never a meeting {asked['meeting']!r}")
        return room

    def _at(self, asked: Asked, name: str) -> int:
        at = datetime.fromisoformat(asked[name])
        return self._timing.shown(at if at.tzinfo else at.replace(tzinfo=UTC))


def _post(act: Callable[[Asked], None]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            act({**request.query_params, **(await request.json() if await request.body() else {})})
        except (ValueError, LookupError, TypeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
        return JSONResponse({})

    return answer
