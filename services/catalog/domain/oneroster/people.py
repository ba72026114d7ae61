"""The person that a row of users.csv describes."""

from services.catalog.domain.oneroster.facts import ROLES, UserFacts
from services.catalog.domain.oneroster.imports import ImportOptions
from services.catalog.domain.people import Person


def person_of(facts: UserFacts, before: Person | None, options: ImportOptions) -> Person:
    """Return the person of a row. What no file says stays as it was: language, zone, and roles
    such as REGISTRAR.
    """
    kept = [] if before is None else [r for r in before.roles if r not in ROLES.values()]
    return Person(
        id=facts.person_id,
        given_name=facts.given_name,
        family_name=facts.family_name,
        email=facts.email,
        language=before.language if before else options.language,
        zone=before.zone if before else options.zone,
        roles=(*facts.roles, *kept),
    )
