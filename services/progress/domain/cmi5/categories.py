"""Whether a statement is "cmi5 defined" or "cmi5 allowed" (section 7.1.3)."""

from collections.abc import Mapping
from typing import Any

from services.progress.domain.cmi5.terms import CATEGORY
from services.progress.domain.xapi.identities import context_activities


def is_defined(statement: Mapping[str, Any]) -> bool:
    """Return whether a statement is cmi5 defined: of cmi5's category (section 9.6.2.1)."""
    return has_category(statement, CATEGORY)


def has_category(statement: Mapping[str, Any], iri: str) -> bool:
    """Return whether an activity stands among the context's categories."""
    return any(each.get("id") == iri for each in context_activities(statement, "category"))
