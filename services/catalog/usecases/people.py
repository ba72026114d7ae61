"""The roster of people."""

from collections.abc import Sequence

from services.catalog.domain.events import PersonUpserted
from services.catalog.domain.people import Person
from services.catalog.ports import Store


def upsert_people(store: Store, people: Sequence[Person]) -> set[str]:
    """Add or change people; return the ids of changed ones. The last row of an id counts."""
    wanted = {person.id: person for person in people}
    known = store.people(wanted)
    changed = [person for person in wanted.values() if known.get(person.id) != person]
    store.put_people(changed)
    store.record_event(*map(_told, changed))
    return {person.id for person in changed}


def _told(person: Person) -> PersonUpserted:
    return PersonUpserted(
        person_id=person.id,
        given_name=person.given_name,
        family_name=person.family_name,
        email=person.email,
        language=person.language,
        zone=person.zone,
        roles=person.roles,
    )
