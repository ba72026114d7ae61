"""The roster of people."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.catalog.domain.events import PersonErased, PersonUpserted
from services.catalog.domain.people import Person, erased
from services.catalog.ports import Store
from services.catalog.usecases.enrolments import Withdraw, withdraw
from services.catalog.usecases.lookup import get_person, get_run, lock_run
from services.catalog.usecases.runs import put_staff


def upsert_people(store: Store, people: Sequence[Person]) -> set[str]:
    """Add or change people; return the ids of changed ones. The last row of an id counts. A person
    who left is back; who was erased stays so.
    """
    wanted = {person.id: person for person in people}
    known = store.people(wanted)
    changed = [
        person
        for person in wanted.values()
        if known.get(person.id) != person and not _is_erased(known.get(person.id))
    ]
    store.put_people(changed)
    store.record_event(*map(upserted, changed))
    return {person.id for person in changed}


def retire_person(store: Store, person_id: str) -> Person:
    """Store that a person left, withdraw the person from all runs that are not over, and return the
    person. Raises NotFound.
    """
    store.contends_for("person", person_id)
    person = get_person(store, person_id)
    if person.retired_at is None:
        person = replace(person, retired_at=store.now)
        store.put_people([person])
        store.record_event(upserted(person))
    leave_all(store, person_id)
    return person


def erase_person(store: Store, person_id: str) -> Person:
    """Forget a person, and return what is left. Raises NotFound.

    The other services are told; who was erased before is erased once more, there, too.
    """
    store.contends_for("person", person_id)
    person = erased(get_person(store, person_id), store.now)
    store.put_people([person])
    store.record_event(PersonErased(person_id=person_id, erased_at=store.now))
    leave_all(store, person_id)
    return person


def erased_people(store: Store, ids: Iterable[str]) -> set[str]:
    """Return those of the ids whose people were erased."""
    return {person.id for person in store.people(ids).values() if _is_erased(person)}


def leave_all(store: Store, person_id: str) -> None:
    """Withdraw a person from all runs that are not over, as a learner and as staff."""
    _withdraw_from_all(store, person_id)
    _unstaff(store, person_id)


def _is_erased(person: Person | None) -> bool:
    return person is not None and person.erased_at is not None


def _withdraw_from_all(store: Store, person_id: str) -> None:
    for run_id in store.runs_of_learner(person_id):
        if not get_run(store, run_id).is_over(store.now):
            withdraw(store, Withdraw(run_id=run_id, learner_id=person_id))


def _unstaff(store: Store, person_id: str) -> None:
    for staffed in store.runs_staffed_by(person_id):
        if not staffed.is_over(store.now):
            run = lock_run(store, staffed.id)
            others = (each for each in run.staff if each.person_id != person_id)
            put_staff(store, run, tuple(others))


def upserted(person: Person) -> PersonUpserted:
    """Return the event that tells a person's state."""
    return PersonUpserted(
        person_id=person.id,
        given_name=person.given_name,
        family_name=person.family_name,
        email=person.email,
        language=person.language,
        zone=person.zone,
        roles=person.roles,
        retired_at=person.retired_at,
    )
