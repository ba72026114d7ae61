"""Attachments as statements describe them (xAPI 1.0.3, part 2, section 2.4.11)."""

from collections.abc import Sequence
from typing import Any

from chassis.errors import FieldViolation
from services.progress.domain.xapi.checks import FINE, array, fault, is_number, record
from services.progress.domain.xapi.data_types import iri, irl, language_map, media_type, sha2


def _octets(value: Any) -> Sequence[FieldViolation]:
    fine = is_number(value) and value >= 0 and value == int(value)
    return FINE if fine else fault(value, "a whole number of octets, 0 or more")


attachments = array(
    record(
        {
            "usageType": iri,
            "display": language_map,
            "description": language_map,
            "contentType": media_type,
            "length": _octets,
            "sha2": sha2,
            "fileUrl": irl,
        },
        required=("usageType", "display", "contentType", "length", "sha2"),
    )
)
