"""Which people the roster takes, from the student records system or from a file."""

from collections.abc import Iterator

from tandem.catalog.v1 import resources_pb2

from chassis.edge.validation import violations_of
from chassis.errors import FieldViolation
from services.catalog.addresses import address_violations
from services.catalog.domain.people import id_violations


def person_violations(row: resources_pb2.Person) -> list[FieldViolation]:
    """Return every violation of a row of the roster, one for each field that is wrong."""
    found = violations_of(row)
    more = [
        *id_violations(row.id),
        *address_violations(row.email),
        *_retired_violations(row),
        *_external_violations(row),
    ]
    wrong = {violation.field for violation in found}
    return [*found, *(each for each in more if each.field not in wrong)]


def _retired_violations(row: resources_pb2.Person) -> Iterator[FieldViolation]:
    if row.HasField("retired_at"):
        yield FieldViolation("retired_at", "is given", "nothing: RetirePerson sets it")
    if row.HasField("erased_at"):
        yield FieldViolation("erased_at", "is given", "nothing: ErasePerson sets it")


def _external_violations(row: resources_pb2.Person) -> Iterator[FieldViolation]:
    if row.external_ids:
        yield FieldViolation("external_ids", "is given", "nothing: imports set it")
