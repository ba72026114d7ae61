"""Classes at a meeting server, and their recordings on their way into the library."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from google.protobuf.message import Message
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import events_pb2 as library_events
from tandem.library.v1 import resources_pb2 as library
from tandem.sessions.v1 import events_pb2, resources_pb2, sessions_pb2

from chassis.contracts import events
from chassis.jobs.runner import Runner
from services.sessions.domain.recording_copies import RecordingCopy
from services.sessions.jobs_recordings import Means, copying
from services.sessions.library_uploads import GrpcLibrary
from services.sessions.providers.http import Limits
from tests.integration.library.shelves import Shelves
from tests.integration.sessions.hosting import PATIENT, Hosted, MeetingServer
from tests.integration.sessions.school import RUN

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LIMITS = Limits(connect=PATIENT, read=PATIENT, total=PATIENT, size=2**20)
LONG_AGO = datetime(2020, 1, 1)
ITEMS = (library_events.ItemAvailable, library_events.ItemFailed, library_events.ItemRetired)


class Cinema:
    """A school with a meeting server, and a library."""

    def __init__(self, house: Hosted, shelves: Shelves, server: MeetingServer) -> None:
        self.house, self.shelves, self.server = house, shelves, server
        self.school, self.database = house.school, house.school.database
        self.library = GrpcLibrary(shelves.channel_for("sessions", "service"))
        self._carried = 0

    def class_(self, **changes: Any) -> resources_pb2.Session:
        """A class at its end: it began two minutes late, and lasted until one."""
        session = self.house.class_(**changes)
        self.house.made(session)
        self.house.clock.at = NOON + timedelta(minutes=2)
        self.school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))
        self.house.clock.at = NOON + timedelta(hours=1)
        self.school.end(session)
        self.house.run()
        return session

    def record(
        self,
        session: resources_pb2.Session,
        since: float = 0,
        until: float = 60,
        captions: bool = True,
    ) -> str:
        """Publish a recording from some minute after noon to another; return its id."""
        start, end = (NOON + timedelta(minutes=each) for each in (since, until))
        asked = {"start": start.isoformat(), "end": end.isoformat(), "captions": captions}
        self.server.control("recording", meeting=session.id, **asked)
        self.look()
        (found,) = (
            each.id
            for each in self.database.reader().found_recordings(session.id)
            if abs(each.start - start) < timedelta(seconds=2)  # a clock is read in seconds
        )
        return found

    def look(self) -> None:
        """Take what the server tells, and look for its recordings; a second goes by, because two
        events of one instant would be the same.
        """
        self.server.settle()
        self.house.run()
        self.house.clock.forward(seconds=1)

    def replace(self, copy_id: str, video: bytes) -> None:
        """Let the server have another video of a recording."""
        name = copy_id.removeprefix("alpha:")
        url = f"{self.server.address}/control/recording/{name}/video"
        assert httpx.put(url, content=video, trust_env=False, timeout=PATIENT).is_success
        self.look()

    def gone(self, copy_id: str) -> None:
        """Let the server have a recording no more."""
        self.server.control("recording/gone", id=copy_id.removeprefix("alpha:"))
        self.look()

    def copy(self, library: GrpcLibrary | None = None) -> int:
        """Copy what is due, as a process of the role `meetings` does; return how many are done."""
        means = Means(self.house.pool, library or self.library, LIMITS)
        long = timedelta(hours=1)  # what failed stays so until `retry`
        jobs = replace(copying(means), first_pause=long, longest_pause=long)
        return Runner(self.database, jobs).run_due()

    def retry(self) -> int:
        """Copy what failed, and what waits for who is away."""
        self.database.mongo["job_holds"].delete_many({})
        self.database.mongo["recording_copies"].update_many(
            {"job": {"$exists": True}}, {"$set": {"job.due": LONG_AGO}}
        )
        return self.copy()

    def open(self) -> None:
        """Let the library open its new items, and tell sessions."""
        self.shelves.verify()
        rows = self.shelves.database.mongo["outbox"].find().sort("_id").skip(self._carried)
        for row in rows:
            self._carried += 1
            event = events.read(row["headers"], row["body"])
            if isinstance(event.data, ITEMS):
                self.school.hear("recordings", event.data)

    def accept(self) -> None:
        """Let sessions hear that the library has opened its items, without opening them here."""
        known = [row["_id"] for row in self.shelves.database.mongo["items"].find({}, {"_id": 1})]
        told = (library_events.ItemAvailable(item_id=each) for each in known)
        self.school.hear("recordings", *told)

    def told(self, copy_id: str) -> RecordingCopy:
        """A copy as it is now."""
        found = self.database.reader().recording_copy(copy_id)
        assert found is not None
        return found

    def attached(self) -> list[events_pb2.RecordingAttached]:
        """What was told of recordings that were attached."""
        return self.school.published(events_pb2.RecordingAttached)

    def items(self) -> list[library.Item]:
        """All items of the library, oldest first."""
        rows = self.shelves.database.mongo["items"].find({}, {"_id": 1}).sort("_id")
        return [self.shelves.item(row["_id"]) for row in rows]

    def let_library_hear(self, *data: Message) -> None:
        """Let the library hear of learners and recordings."""
        place = catalog.EnrolmentCreated(enrolment_id="e", run_id=RUN, learner_id="ada")
        self.shelves.hear(place, *data)
