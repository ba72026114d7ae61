"""People of the roster."""

from dataclasses import dataclass

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
