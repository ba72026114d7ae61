"""People of the roster."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldViolation
from chassis.texts import is_plain
from services.catalog.domain.enums import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Anyone in the roster. `id` is the student records system's id, and the subject of tokens."""

    id: str
    given_name: str
    family_name: str
    email: str
    language: str
    zone: str
    roles: tuple[Role, ...]
    retired_at: datetime | None = None
    """When the person left the university."""
    erased_at: datetime | None = None
    """When the person was forgotten: the id is all that is left, so that nobody else gets it."""


def erased(person: Person, now: datetime) -> Person:
    """Return what is left of a person who is forgotten."""
    return Person(
        id=person.id,
        given_name="",
        family_name="",
        email="",
        language="",
        zone="",
        roles=(),
        retired_at=person.retired_at or now,
        erased_at=now,
    )


def erased_violations() -> Iterator[FieldViolation]:
    """Yield the violation of a row of the roster whose person was forgotten."""
    yield FieldViolation("id", "names a person who was erased", "a person who was not")


def id_violations(person_id: str) -> Iterator[FieldViolation]:
    """Yield what is wrong with a person's id. It is never changed: tokens name people by it."""
    if not is_plain(person_id) or " " in person_id:
        yield FieldViolation(
            "id", f"is {person_id!a}", "visible characters only, without white space"
        )
    elif not unicodedata.is_normalized("NFC", person_id):
        yield FieldViolation("id", f"is {person_id!a}", "composed characters (Unicode's NFC)")
