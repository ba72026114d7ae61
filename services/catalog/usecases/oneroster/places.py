"""Where the people of enrollments.csv belong: the run of a class, its group, the person."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chassis.errors import FieldViolation
from services.catalog.domain.oneroster.facts import EnrollmentFacts
from services.catalog.domain.oneroster.files import File, quoted
from services.catalog.domain.oneroster.rows import ImportRow
from services.catalog.usecases.oneroster.work import Work, facts_of


@dataclass(frozen=True, slots=True)
class Place:
    """A person in a run, and in a group of it if the class is one."""

    run_id: str
    group_id: str
    person_id: str

    @property
    def group_ids(self) -> tuple[str, ...]:
        """Return the group, if there is one."""
        return (self.group_id,) if self.group_id else ()


class Places:
    """Finds the places of many enrolments with one query of each kind."""

    def __init__(self, work: Work, facts: Iterable[EnrollmentFacts]) -> None:
        listed = list(facts)
        self._classes = work.linked(File.CLASSES, (each.class_id for each in listed))
        self._users = work.linked(File.USERS, (each.user for each in listed))
        self._groups = work.store.groups(
            {link.of for link in self._classes.values() if link.parent}
        )

    def of(self, facts: EnrollmentFacts) -> Place | None:
        """Return the place that some facts describe; None if class or user were refused."""
        class_, user = self._classes.get(facts.class_id), self._users.get(facts.user)
        if class_ is None or user is None:
            return None
        if not class_.parent:
            return Place(class_.of, "", user.of)
        return Place(self._groups[class_.of].run_id, class_.of, user.of)

    def violations(self, facts: EnrollmentFacts) -> Iterator[FieldViolation]:
        """Yield a violation for a class or a user that is not there."""
        for column, id_, link in (
            ("classSourcedId", facts.class_id, self._classes.get(facts.class_id)),
            ("userSourcedId", facts.user, self._users.get(facts.user)),
        ):
            if link is None or link.removed:
                right = "one that was imported, and not removed"
                yield FieldViolation(column, f"{quoted(id_)} is not there", right)


def placed(work: Work) -> list[tuple[ImportRow, EnrollmentFacts, Place]]:
    """Return the rows of a chunk with their places; refuse those whose class or user is missing."""
    facts = [facts_of(row, EnrollmentFacts) for row in work.rows]
    places, found = Places(work, facts), []
    for row, each in zip(work.rows, facts, strict=True):
        place = places.of(each)
        if place is None or (violations := list(places.violations(each))):
            work.refuse(row, violations if place else places.violations(each))
        else:
            found.append((row, each, place))
    return found
