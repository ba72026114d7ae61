"""Results and scores (xAPI 1.0.3, part 2, section 2.4.5; IEEE 9274.1.1, section 4.2.2.4)."""

from collections.abc import Iterator, Mapping
from typing import Any

from chassis.errors import FieldViolation
from services.progress.domain.xapi.checks import boolean, is_number, number, record, text
from services.progress.domain.xapi.data_types import duration, extensions


def _is_in_range(score: Mapping[str, Any]) -> Iterator[FieldViolation]:
    told = {name: value for name, value in score.items() if is_number(value)}
    if not -1 <= told.get("scaled", 0) <= 1:
        yield FieldViolation("scaled", "is out of range", "a number from -1 to 1")
    if "min" in told and "max" in told and told["min"] >= told["max"]:
        yield FieldViolation("min", "is not less than max", "a number less than max")
    if "raw" in told and _is_outside(told):
        yield FieldViolation("raw", "is not between min and max", "a number from min to max")


def _is_outside(told: Mapping[str, Any]) -> bool:
    raw = told["raw"]
    return bool(raw < told.get("min", raw) or raw > told.get("max", raw))


score = record(dict.fromkeys(("scaled", "raw", "min", "max"), number), rule=_is_in_range)
result = record(
    {
        "score": score,
        "success": boolean,
        "completion": boolean,
        "response": text,
        "duration": duration,
        "extensions": extensions,
    }
)
