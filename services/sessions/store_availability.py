"""When people can teach, in MongoDB."""

from collections.abc import Collection

from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.availability import Availability
from services.sessions.store_clashes import ClashStore


class AvailabilityStore(ClashStore):
    """The part of the store for when people can teach."""

    def availability(self, person_id: str) -> Availability | None:
        """Return when a person can teach; None if nobody has told it."""
        return self._one("availability", {"_id": person_id}, Availability)

    def availabilities(self, person_ids: Collection[str]) -> list[Availability]:
        """Return when some people can teach; of whom nobody has told it, nothing."""
        rows = self.find_by_ids("availability", person_ids)
        return [from_document(row, Availability) for row in rows]

    def put_availability(self, availability: Availability) -> None:
        """Store when a person can teach, in place of what was told before."""
        self._put("availability", to_document(availability) | {"_id": availability.person_id})
