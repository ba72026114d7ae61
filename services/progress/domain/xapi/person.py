"""Persons (xAPI 1.0.3, part 3, section 2.4; IEEE 9274.1.1, section 4.1.6.3)."""

from collections.abc import Mapping
from typing import Any

from services.progress.domain.xapi.actors import IDENTIFIERS

_SHARED = ("name", *IDENTIFIERS)


def person_of(agent: Mapping[str, Any]) -> dict[str, Any]:
    """Return an agent as a Person: each of its properties as an array of one.

    Progress knows nothing else of people: no names, no addresses. So it tells nobody more than
    they have asked with.
    """
    return {"objectType": "Person", **{name: [agent[name]] for name in _SHARED if name in agent}}
