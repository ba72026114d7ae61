"""Online meetings in MongoDB.

| collection | one document is | its id |
|---|---|---|
| meetings | a session's meeting, with its job while a step is to be done | the session's |
| meeting_links | a person's own link, with its job until its provider made it | session:person |
| meeting_events | an event that a provider told, so that a repeat has no effect | server:event |
| recorder_marks | that the recorder of a class began or paused | server:event |
| provider_recordings | a recording that a server has, or had, of a class | server:recording |

All of them expire: events of providers after two weeks, the others 30 days after the class
(`removed_at`).
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.clock import by_system_clock
from chassis.contracts.mapping import from_document, to_document
from chassis.jobs import DONE, waiting
from services.sessions import metrics
from services.sessions.domain.enums import Interval
from services.sessions.domain.hosting import Meeting, MeetingState, step_of, target_of
from services.sessions.domain.joining import PersonalLink
from services.sessions.domain.meeting_news import RecorderMark
from services.sessions.domain.provider_recordings import FoundRecording
from services.sessions.store_attendance import key
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]
REGISTER = "register"
"""The lane of links that a provider has to make."""
KEPT = timedelta(days=30)
"""How long documents are kept after their class, or after what a server recorded of it."""
AT_ONCE = 500
"""Meetings at which one turn of a timer looks."""
_UNMADE = {"$in": [MeetingState.WANTED, MeetingState.FAILED]}


class MeetingStore(SeriesStore):
    """The part of the store for online meetings."""

    def meeting(self, session_id: str) -> Meeting | None:
        """Return a session's meeting; None if it has none."""
        return self._one("meetings", {"_id": session_id}, Meeting)

    def meetings(self, session_ids: Collection[str]) -> list[Meeting]:
        """Return the meetings of those of some sessions that have one."""
        return [from_document(row, Meeting) for row in self.find_by_ids("meetings", session_ids)]

    def claimed_meeting(self, session_id: str, claim: str) -> Meeting | None:
        """Return a meeting on which a claim works; None if its plan has changed meanwhile."""
        return self._one("meetings", {"_id": session_id, "job.claim": claim}, Meeting)

    def put_meetings(self, meetings: Sequence[Meeting]) -> None:
        """Store meetings, new or changed; what works on them finds its claim gone."""
        for each in meetings:
            self._set_meeting(each, {"$unset": DONE})

    def give_meeting(self, meeting: Meeting) -> None:
        """Store a meeting, and give its next step to the processes that do it."""
        job = waiting(step_of(meeting), datetime.now(UTC), target_of(meeting))
        self._set_meeting(meeting, {}, {"job": job})

    def note_meeting(self, meeting: Meeting) -> None:
        """Store a changed meeting on which somebody may work, who goes on."""
        self._set_meeting(meeting, {})

    def drop_meetings(self, session_ids: Collection[str]) -> None:
        """Delete the meetings of some sessions."""
        if session_ids:
            self["meetings"].delete_many({"_id": {"$in": [*session_ids]}}, session=self.session)

    def meetings_to_begin(self, before: datetime) -> list[str]:
        """Return the sessions whose meetings have a step that is due, or are to be made because
        they start before an instant.
        """
        fresh = {
            "state": MeetingState.WANTED,
            "next_at": None,
            "job": {"$exists": False},
            "start_time": {"$lte": before},
            "end_time": {"$gt": self.now},
        }
        return self._meeting_ids({"$or": [{"next_at": {"$lte": self.now}}, fresh]})

    def unmade_meetings(self, before: datetime) -> list[str]:
        """Return the sessions that start before an instant and are not over, whose meetings are
        not made, and of which nobody was told that.
        """
        query = {"start_time": {"$lte": before}, "end_time": {"$gt": self.now}}
        return self._meeting_ids({"state": _UNMADE, "told": False, **query})

    def placed_meetings(self, time: Interval) -> list[Meeting]:
        """Return the meetings for which a server keeps room and that overlap a time."""
        query: Document = {
            "state": {"$ne": MeetingState.ENDED},
            "server": {"$ne": ""},
            "start_time": {"$lt": time.end},
            "end_time": {"$gt": time.start},
        }
        found = self["meetings"].find(query, session=self.session)
        return [from_document(row, Meeting) for row in found]

    def meeting_of(self, server: str, external_id: str, recording_id: str = "") -> Meeting | None:
        """Return the meeting that a server knows by an id, or of which it has a recording; None if
        there is none.
        """
        if not external_id:
            found = self["provider_recordings"].find_one(
                {"_id": f"{server}:{recording_id}"}, {"session_id": 1}, session=self.session
            )
            return self.meeting(found["session_id"]) if found else None
        made = {"server": server, "meeting.external_id": external_id}
        present = {f"made.{name}": value for name, value in made.items()}
        earlier = {"earlier.server": server, "earlier": {"$elemMatch": made}}
        return self._one("meetings", {"$or": [present, earlier]}, Meeting)

    # Links of persons

    def personal_link(self, session_id: str, person_id: str) -> PersonalLink | None:
        """Return a person's own link into a meeting; None if nobody has asked for it."""
        return self._one("meeting_links", {"_id": key(session_id, person_id)}, PersonalLink)

    def ask_for_link(self, link: PersonalLink, server: str) -> None:
        """Store that a provider has to make a link."""
        job = {"job": waiting(REGISTER, datetime.now(UTC), server)}
        self._put("meeting_links", self._link_document(link) | job)

    def personal_links(self, ids: Collection[str], claim: str) -> list[PersonalLink]:
        """Return those of some links, by their ids, on which a claim works."""
        query = {"_id": {"$in": [*ids]}, "job.claim": claim}
        rows = self["meeting_links"].find(query, session=self.session)
        return [from_document(row, PersonalLink) for row in rows]

    def people_by_link(self, session_id: str, link_ids: Collection[str]) -> dict[str, str]:
        """Return whose some links into a meeting are, by the provider's ids of the links."""
        query = {"session_id": session_id, "external_id": {"$in": [*link_ids]}}
        rows = self["meeting_links"].find(query, session=self.session) if link_ids else ()
        return {row["external_id"]: row["person_id"] for row in rows}

    def put_links(self, links: Sequence[PersonalLink]) -> None:
        """Store links that need no more work."""
        for document in map(self._link_document, links):
            query = {"_id": document.pop("_id")}
            change = {"$set": document, "$unset": DONE}
            self["meeting_links"].update_one(query, change, session=self.session)

    def drop_links(self, session_id: str) -> None:
        """Delete the links into a meeting that is not the session's any more."""
        self["meeting_links"].delete_many({"session_id": session_id}, session=self.session)

    # What providers tell

    def new_meeting_events(self, ids: Collection[str]) -> set[str]:
        """Return those of some events of providers that are new, and remember all."""
        known = {row["_id"] for row in self.find_by_ids("meeting_events", ids)}
        new = set(ids) - known
        now = datetime.now(UTC)  # MongoDB removes old ones by the system's clock
        self.insert("meeting_events", [{"_id": each, "at": now} for each in sorted(new)])
        return new

    def add_recorder_marks(self, marks: Sequence[RecorderMark]) -> None:
        """Store that recorders began or paused."""
        self._put("recorder_marks", *(to_document(e) | self._kept_from(e.at) for e in marks))

    def recorder_marks(self, session_id: str) -> list[RecorderMark]:
        """Return when the recorder of a class began and paused, in order."""
        rows = self["recorder_marks"].find({"session_id": session_id}, session=self.session)
        return [from_document(row, RecorderMark) for row in rows.sort([("at", 1), ("_id", 1)])]

    def found_recordings(self, session_id: str) -> list[FoundRecording]:
        """Return the recordings that servers had of a class, in order of their start."""
        rows = self["provider_recordings"].find({"session_id": session_id}, session=self.session)
        return [from_document(row, FoundRecording) for row in rows.sort([("start", 1), ("_id", 1)])]

    def put_found_recordings(self, recordings: Sequence[FoundRecording]) -> None:
        """Store recordings that servers have, or had, of a class."""
        found = (to_document(each) | self._kept_from(each.end) for each in recordings)
        self._put("provider_recordings", *found)

    def count_meeting(self, outcome: str) -> None:
        """Count what came of a step, in the metrics, after the unit of work is committed."""
        self.on_commit(metrics.MEETINGS.labels(outcome.lower()).inc)

    def _meeting_ids(self, query: Document) -> list[str]:
        found = self["meetings"].find(query, {"_id": 1}, session=self.session)
        return [row["_id"] for row in found.sort("start_time").limit(AT_ONCE)]

    def _set_meeting(
        self, meeting: Meeting, change: Document, more: Document | None = None
    ) -> None:
        self.contends_for("meeting", meeting.id)
        document = to_document(meeting) | self._kept_from(meeting.end_time) | (more or {})
        meeting_id = document.pop("_id")
        self["meetings"].update_one(
            {"_id": meeting_id}, {"$set": document, **change}, upsert=True, session=self.session
        )

    def _link_document(self, link: PersonalLink) -> Document:
        kept = self._kept_from(link.end_time)
        return to_document(link) | kept | {"_id": key(link.session_id, link.person_id)}

    def _kept_from(self, at: datetime) -> Document:
        """Return the field by which MongoDB deletes a document a while after an instant."""
        return {"removed_at": by_system_clock(at + KEPT, self.now)}
