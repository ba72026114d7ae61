"""Calendar feeds in MongoDB, and the versions of calendars."""

from collections.abc import Collection, Mapping

from pymongo import UpdateOne

from chassis.contracts.mapping import from_document, to_document
from chassis.data.staff import members_of
from services.sessions.domain.enums import EnrolmentState
from services.sessions.domain.feeds import Feed, Reader
from services.sessions.domain.roster import Enrolment, Person
from services.sessions.store_series import SeriesStore

HAS_OR_AWAITS_PLACE = {"$in": [EnrolmentState.ENROLLED, EnrolmentState.WAITLISTED]}


class FeedsStore(SeriesStore):
    """The part of the store for calendar feeds."""

    def feed_by_id(self, feed_id: str) -> Feed | None:
        """Return a feed, also one that is revoked; None if there is none."""
        return self._one("feeds", {"_id": feed_id}, Feed)

    def open_feeds(self, like: Feed) -> int:
        """Return how many feeds that are not revoked the owner of a feed has."""
        query = {"reader_id": like.reader_id, "room_id": like.room_id, "revoked_at": None}
        return self["feeds"].count_documents(query, session=self.session)

    def put_feed(self, feed: Feed) -> None:
        """Store a feed, new or changed."""
        self._put("feeds", to_document(feed))

    def reader(self, person_id: str) -> Reader:
        """Return what a person is in runs, in the order of their ids; one who is unknown is
        nothing.
        """
        person = self._one("people", {"_id": person_id}, Person)
        query = {"learner_id": person_id, "state": HAS_OR_AWAITS_PLACE}
        rows = self["enrolments"].find(query, session=self.session).sort("run_id")
        enrolments = [from_document(row, Enrolment) for row in rows]
        staff = members_of(self, person_id)
        return Reader(
            id=person_id,
            enrolments={each.run_id: each for each in enrolments},
            staff={run_id: member for run_id, member in sorted(staff.items()) if member},
            retired=person is not None and person.retired_at is not None,
        )

    def touch_calendars(self, names: Collection[str]) -> None:
        """Give calendars (kind:id) their next version, so that clients read them again."""
        for name in sorted(names):
            self.contends_for("calendar", name)
        next_version = {"$inc": {"version": 1}}
        writes = [UpdateOne({"_id": name}, next_version, upsert=True) for name in sorted(names)]
        if writes:
            self["calendars"].bulk_write(writes, session=self.session)

    def calendar_versions(self, names: Collection[str]) -> Mapping[str, int]:
        """Return the versions of those calendars (kind:id) that were ever changed."""
        return {row["_id"]: row["version"] for row in self.find_by_ids("calendars", names)}
