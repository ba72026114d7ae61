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


def id_violations(person_id: str) -> Iterator[FieldViolation]:
    """Yield what is wrong with a person's id. It is never changed: tokens name people by it."""
    if not is_plain(person_id) or " " in person_id:
        yield FieldViolation(
            "id", f"is {person_id!a}", "visible characters only, without white space"
        )
    elif not unicodedata.is_normalized("NFC", person_id):
        yield FieldViolation("id", f"is {person_id!a}", "composed characters (Unicode's NFC)")
