"""Calendar feeds as a client reads them."""

from dataclasses import dataclass
from typing import Any

import grpc
import urllib3
from tandem.sessions.v1 import resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.pages_calendars import Calendars
from tests.integration.sessions.school import School
from tests.unit.sessions.calendars import Told, read

KEY = "a key of thirty-two characters.."
CODE = grpc.StatusCode


@dataclass
class Office:
    """A school with calendars."""

    school: School
    calendars: Calendars

    def create(self, reader: str, run_id: str = "", of: str = "", request_id: str = "") -> Any:
        """A feed that a person makes for themselves, or for `of`."""
        request = sessions_pb2.CreateFeedRequest(
            request_id=request_id, reader_id=of or reader, run_id=run_id
        )
        return self.school.learner(reader).CreateFeed(request)

    def of_room(self, room_id: str) -> resources_pb2.Feed:
        """A feed of a room."""
        return self.school.staff.CreateFeed(sessions_pb2.CreateFeedRequest(room_id=room_id))

    def get(self, url: str, tag: str = "", method: str = "GET") -> Any:
        """What a client gets that has a version already, or none."""
        headers = {"if-none-match": tag} if tag else {}
        return urllib3.request(method, url, headers=headers, retries=False)

    def classes(self, url: str) -> list[Told]:
        """The classes of a feed as a strict reader finds them."""
        answer = self.get(url)
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert answer.headers["cache-control"] == "private, no-cache"
        return read(answer.data)

    def titles(self, url: str) -> list[str]:
        """The titles of the classes of a feed."""
        return sorted(each.title for each in self.classes(url))

    def is_current(self, url: str, tag: str) -> bool:
        """Whether a client has a feed's present version."""
        answer = self.get(url, tag)
        assert (answer.status, answer.data) in ((304, b""), (200, answer.data))
        return bool(answer.status == 304)


def series(school: School, room_id: str, **changes: Any) -> resources_pb2.Series:
    """A weekly class from Monday on, four times."""
    asked = school.request(room_id)
    same = {
        field.name: getattr(asked, field.name)
        for field in asked.DESCRIPTOR.fields
        if field.name in sessions_pb2.ScheduleSeriesRequest.DESCRIPTOR.fields_by_name
        and field.name != "group_ids"
    }
    fields = {**same, "rrule": "FREQ=WEEKLY;COUNT=4", **changes}
    return school.staff.ScheduleSeries(sessions_pb2.ScheduleSeriesRequest(**fields))


def move(school: School, session_id: str, local: str, **changes: Any) -> None:
    """Move a session on the wall of Dublin."""
    starts = types_pb2.CivilTime(local=local, zone="Europe/Dublin")
    school.staff.MoveSession(
        sessions_pb2.MoveSessionRequest(session_id=session_id, starts=starts, **changes)
    )


def civil(local: str) -> types_pb2.CivilTime:
    """A time in Dublin."""
    return types_pb2.CivilTime(local=local, zone="Europe/Dublin")
