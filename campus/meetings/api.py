"""The calls of BigBlueButton's API that the platform and its learners make."""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

from campus.meetings import answers
from campus.meetings.rooms import Room, Rooms, meeting_event, person_event
from campus.meetings.webhooks import Hooks

VIDEO = Path(__file__).parents[1] / "demo" / "recording.mp4"
PASSWORDS = ("attendeePW", "moderatorPW")
_ALGORITHMS = {40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
Parameters = Mapping[str, str]
Call = Callable[[Parameters], Response]


class Api:
    """The API of one server, at `/bigbluebutton/api`, and the files of its recordings."""

    def __init__(
        self, rooms: Rooms, hooks: Hooks, secret: str, base: str, now: Callable[[], int]
    ) -> None:
        self._rooms, self._hooks, self._secret = rooms, hooks, secret
        self._base, self._now = base, now

    def routes(self) -> list[Route]:
        """Return the paths."""
        calls: dict[str, Call] = {
            "create": self.create,
            "join": self.join,
            "end": self.end,
            "isMeetingRunning": self.is_meeting_running,
            "getMeetingInfo": self.get_meeting_info,
            "getRecordings": self.get_recordings,
            "getRecordingTextTracks": self.get_recording_text_tracks,
            "hooks/create": self.hooks_create,
            "hooks/list": self.hooks_list,
            "hooks/destroy": self.hooks_destroy,
        }
        api = "/bigbluebutton/api"
        return [
            Route(api, self.version),
            *(Route(f"{api}/{name}", self._signed(name, call)) for name, call in calls.items()),
            Route("/client", self.client),
            Route("/playback/video/{id}/video-0.m4v", self.video),
            Route("/playback/video/{id}/caption_en.vtt", self.captions),
        ]

    def version(self, _: Request) -> Response:
        """Tell the version; this call alone is not signed."""
        return answers.success({"version": "2.0", "apiVersion": "2.0"})

    def create(self, asked: Parameters) -> Response:
        """Make a meeting, or return the one that runs, if its passwords are the same."""
        if not 2 <= len(asked.get("name", "")) <= 64 or not asked.get("meetingID"):
            return answers.failure("validationError", "name or meetingID is not valid")
        room = self._rooms.running(asked["meetingID"])
        if room is None:
            room = self._rooms.make(asked, self._now())
            self._hooks.tell(meeting_event("meeting-created", room, self._now()))
            return answers.success(answers.about(room))
        if any(
            room.parameters.get(word) != asked.get(word) for word in ("attendeePW", "moderatorPW")
        ):
            return answers.failure("idNotUnique", "A meeting already exists with that meeting ID.")
        repeated = {"messageKey": "duplicateWarning", "message": "This conference exists already."}
        return answers.success({**answers.about(room), **repeated})

    def join(self, asked: Parameters) -> Response:
        """Let a person in, and lead the browser to the client."""
        room = self._rooms.running(asked.get("meetingID", ""))
        if room is None:
            return _unknown()
        if asked.get("createTime", str(room.made_at)) != str(room.made_at):
            return answers.failure("mismatchCreateTimeParam", "The createTime parameter is wrong.")
        if room.is_full:
            return answers.failure("maxParticipantsReached", "The meeting is full.")
        self.enter(room, asked.get("userID", ""), asked.get("fullName", ""), asked.get("role", ""))
        return RedirectResponse(f"{self._base}/client?meetingID={room.internal_id}")

    def enter(self, room: Room, user: str, name: str, role: str, at: int | None = None) -> None:
        """Take a person into a meeting; with the first one the recorder starts, if told so."""
        at = self._now() if at is None else at
        is_first = not room.people
        person = self._rooms.join(room, user, name, role)
        self._hooks.tell(person_event("user-joined", room, person, at))
        if is_first and room.starts_recorder and not room.is_recorded:
            self.record(room, True, at)

    def record(self, room: Room, is_recorded: bool, at: int) -> None:
        """Start or pause the recorder."""
        room.is_recorded = is_recorded
        kind = "started" if is_recorded else "stopped"
        self._hooks.tell(meeting_event(f"meeting-recording-{kind}", room, at))

    def client(self, _: Request) -> Response:
        """Stand in for the client in the browser."""
        return PlainTextResponse("You are in the meeting.\n")

    def end(self, asked: Parameters) -> Response:
        """End a meeting, and with it everybody's visit."""
        room = self._rooms.running(asked.get("meetingID", ""))
        if room is None:
            return _unknown()
        now = self._now()
        for person in list(room.people.values()):
            del room.people[person.internal_id]
            self._hooks.tell(person_event("user-left", room, person, now))
        room.ended_at = now
        self._hooks.tell(meeting_event("meeting-ended", room, now))
        return answers.success(
            {"messageKey": "sentEndMeetingRequest", "message": "The meeting is being ended."}
        )

    def is_meeting_running(self, asked: Parameters) -> Response:
        """Tell whether anybody is in a meeting."""
        room = self._rooms.running(asked.get("meetingID", ""))
        return answers.success({"running": str(bool(room and room.people)).lower()})

    def get_meeting_info(self, asked: Parameters) -> Response:
        """Tell about a meeting that runs, and who is in it."""
        room = self._rooms.running(asked.get("meetingID", ""))
        if room is None:
            return _unknown()
        return answers.success(
            {**answers.about(room), "participantCount": len(room.people)}, answers.attendees(room)
        )

    def get_recordings(self, asked: Parameters) -> Response:
        """Return the recordings of some meetings, or with some ids."""
        wanted = asked.get("recordID") or asked.get("meetingID", "")
        found = self._rooms.recordings_of(set(wanted.split(",")))
        nothing = {"messageKey": "noRecordings", "message": "There are no recordings."}
        return answers.success({} if found else nothing, answers.recordings(found, self._base))

    def get_recording_text_tracks(self, asked: Parameters) -> Response:
        """Return the captions of a recording, in JSON."""
        recording = self._rooms.recordings.get(asked.get("recordID", ""))
        if recording is None:
            told = {"returncode": "FAILED", "messageKey": "noRecordings", "message": "not found"}
            return JSONResponse({"response": told})
        track = {
            "href": f"{self._base}/playback/video/{recording.id}/caption_en.vtt",
            "kind": "captions",
            "label": "English",
            "lang": "en",
            "source": "automatic",
        }
        tracks = [track] if recording.captions else []
        return JSONResponse({"response": {"returncode": "SUCCESS", "tracks": tracks}})

    def video(self, request: Request) -> Response:
        """Return a recording's video."""
        recording = self._rooms.recordings.get(request.path_params["id"])
        if recording is None or not recording.is_published:
            return PlainTextResponse("not found", 404)
        if recording.video is not None:
            return Response(recording.video, media_type="video/mp4")
        return FileResponse(VIDEO, media_type="video/mp4")

    def captions(self, request: Request) -> Response:
        """Return a recording's captions."""
        recording = self._rooms.recordings.get(request.path_params["id"])
        if recording is None or not recording.is_published or not recording.captions:
            return PlainTextResponse("not found", 404)
        return Response(recording.captions, media_type="text/vtt")

    def hooks_create(self, asked: Parameters) -> Response:
        """Register a hook; a URL is registered once only."""
        if not asked.get("callbackURL"):
            return answers.failure("missingParamCallbackURL", "You must specify a callbackURL.")
        kinds = frozenset(filter(None, asked.get("eventID", "").lower().split(",")))
        hook, is_new = self._hooks.register(asked["callbackURL"], kinds, asked.get("meetingID", ""))
        repeated = {"messageKey": "duplicateWarning", "message": "There is already such a hook."}
        return answers.success({"hookID": hook.id, **({} if is_new else repeated)})

    def hooks_list(self, _: Parameters) -> Response:
        """Return all hooks."""
        return answers.success({}, answers.hooks(self._hooks.registered.values()))

    def hooks_destroy(self, asked: Parameters) -> Response:
        """Remove a hook."""
        if self._hooks.remove(asked.get("hookID", "")):
            return answers.success({"removed": "true"})
        return answers.failure("destroyMissingHook", "The hook informed was not found.")

    def _signed(self, name: str, call: Call) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if not self._is_signed(name, request.scope["query_string"].decode()):
                return answers.failure("checksumError", "Checksums do not match")
            return call(request.query_params)

        return answer

    def _is_signed(self, name: str, query: str) -> bool:
        """Check the checksum as bbb-web does: it is of the query as it was sent, without it."""
        given = re.search(r"(?:^|&)checksum=([^&]*)", query)
        algorithm = given and _ALGORITHMS.get(len(given[1]))
        if not given or not algorithm:
            return False
        signed = name + re.sub(r"&checksum=[^&]*|^checksum=[^&]*&?", "", query) + self._secret
        return hmac.compare_digest(hashlib.new(algorithm, signed.encode()).hexdigest(), given[1])


def _unknown() -> Response:
    return answers.failure("notFound", "We could not find a meeting with that meeting ID.")
