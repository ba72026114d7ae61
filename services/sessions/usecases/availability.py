"""When people can teach: told and read."""

from chassis.errors import NotFound, check, check_state
from services.sessions.domain.availability import (
    Availability,
    SetAvailability,
    availability_violations,
    changed,
    says_the_same,
    told,
    unknown_person,
)
from services.sessions.domain.roster import Person
from services.sessions.ports import Store


def set_availability(store: Store, command: SetAvailability, set_by: str) -> Availability:
    """Store when a person can teach, and return it; what is known already changes nothing.

    Raises Invalid; FailedPrecondition if the person is not in the roster.
    """
    check(availability_violations(command))
    person_id = command.person_id
    person = store.replicas(Person, [person_id]).get(person_id)
    check_state("nobody teaches by this id", unknown_person(person_id, person))
    store.lock(f"availability:{person_id}")
    before, after = store.availability(person_id), told(command, set_by, store.now)
    if before is not None and says_the_same(before, after):
        return before
    store.put_availability(after)
    store.record_event(changed(after))
    return after


def get_availability(store: Store, person_id: str) -> Availability:
    """Return when a person can teach. Raises NotFound if nobody has told it."""
    availability = store.availability(person_id)
    if availability is None:
        raise NotFound(f"nobody has told when {person_id!r} can teach, so {person_id!r} always can")
    return availability
